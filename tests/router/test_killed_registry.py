"""A process that is killed at any step of a registration leaves a whole version or none."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.drill.table import Drill
from tests.installations import NewHome

# Each child ends by itself, as by SIGKILL, at its n-th step on the disk: whenever Python opens,
# makes, renames or removes something. The parent then looks at what is left, and goes on.
PROGRAM = """
    import json, os, signal, sys, time
    from pathlib import Path
    import django
    django.setup()
    from django.conf import settings
    from django.db import connection
    from router import model_store, registry
    from router.models import ModelVersion
    from tests.model_files import Workshop, a_merged_model, an_adapter

    STEPS = {"open", "os.mkdir", "os.rename", "os.rmdir", "os.remove", "shutil.copyfile",
             "shutil.rmtree", "sqlite3.connect"}
    home = Path(settings.DOCPORTAL_HOME)

    def registered(workshop, number):
        given = {"adapter": home / f"adapter-{number}", "merged": home / f"merged-{number}"}
        return workshop.candidate(**given, recipe={"run": number})

    def killed_at(step, workshop, number):
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
        left = step
        def count(event, arguments):
            nonlocal left
            left -= event in STEPS
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(count)
        registered(workshop, number)
        os._exit(0)

    def whole():
        for model in ModelVersion.objects.all():
            model_store.check_files(model.name, model.files, merged=True)
            assert model.coverage.count() == 1 and model.collections.count() == 1, model
        return set(ModelVersion.objects.values_list("name", flat=True))

    workshop = Workshop(home / "workshop")
    step, outcomes, seconds = 0, set(), []
    while True:
        an_adapter(home / f"adapter-{step}", fill=step % 256)
        a_merged_model(home / f"merged-{step}", fill=step % 256)
        before = whole()
        connection.close()
        if not killed_at(step, workshop, step):
            break
        outcomes.add(len(whole()) - len(before))
        killed = time.monotonic()
        registered(workshop, step)
        seconds.append(time.monotonic() - killed)
        assert len(whole()) == len(before) + 1, step
        root = Path(settings.TUNED_DIR)
        there = {path.name for path in (*root.iterdir(), *(root / "adapters").iterdir())}
        assert there == {*whole(), "adapters", ".lock"}, (step, there)
        step += 1
    print(json.dumps({"seconds": seconds, "outcomes": sorted(outcomes)}))
"""


def test_kill_at_any_step_of_a_registration(
    new_home: NewHome, tmp_path: Path, drill: Drill
) -> None:
    environment = new_home(tmp_path, TUNED_VERSIONS_KEPT="1000")
    program = [sys.executable, "-c", textwrap.dedent(PROGRAM)]
    ended = subprocess.run(program, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    for seconds in told["seconds"]:
        with drill("Registration killed at each step of it") as breakage:
            breakage.seconds = seconds
    # Killed before the row stands, and after it.
    assert (len(told["seconds"]) > 20, told["outcomes"]) == (True, [0, 1])
