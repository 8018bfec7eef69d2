"""`make audit`: whether a package of `constraints.txt` has a known vulnerability.

pip-audit asks the index for it. 0: none is known; 1: some are; 3: nobody could be asked, so that
nothing is known either way. With CI=true the last is said and fails nothing.
"""

import json
import os
import subprocess
import sys
from typing import Any

UNKNOWN = 3


def main(command: list[str]) -> int:
    """`command` is pip-audit with its arguments, to which the form of its result is added."""
    done = subprocess.run(
        [*command, "--format", "json", "--progress-spinner", "off"],
        check=False,
        capture_output=True,
        text=True,
    )
    code, told = verdict(done.stdout)
    print(told if code != UNKNOWN else f"{told}\n{done.stderr.strip()[-500:]}".strip())
    return 0 if code == UNKNOWN and os.environ.get("CI") == "true" else code


def verdict(printed: str) -> tuple[int, str]:
    """Exit code and words for what pip-audit printed as JSON, nothing if it broke off."""
    try:
        found: list[dict[str, Any]] = json.loads(printed)["dependencies"]
    except (ValueError, KeyError):
        return UNKNOWN, "NOT AUDITED: the vulnerability service does not answer."
    skipped = [one for one in found if "skip_reason" in one]
    bad = [one for one in found if one.get("vulns")]
    lines = [
        f"{one['name']} {one['version']}: {vuln['id']}, mended in "
        f"{', '.join(vuln['fix_versions']) or 'no release yet'}"
        for one in bad
        for vuln in one["vulns"]
    ]
    if bad:
        return 1, "\n".join(["VULNERABLE:", *lines])
    if skipped or not found:
        of = f"{len(skipped)} of {len(found)} packages"
        return UNKNOWN, f"NOT AUDITED: the vulnerability service knows nothing of {of}."
    return 0, f"No vulnerability is known of {len(found)} packages."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
