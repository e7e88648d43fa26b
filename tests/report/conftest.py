"""The made-up run that the tests of the report share."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _loaded(name: str) -> ModuleType:
    """A module beside this file, under a name that no other folder of tests can take."""
    spec = importlib.util.spec_from_file_location(f"report_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_loaded("sample_records")
_sample = _loaded("sample")


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    """The module `sample`; `sample.build()` makes a run."""
    return _sample
