"""What `make build` built is what the locks, the template and the code say."""

import importlib.util
import re
from importlib.metadata import distributions
from pathlib import Path

import pytest
from botocore.loaders import Loader
from botocore.regions import EndpointResolver

from hubsync_checks import build_report
from hubsync_local.checkout import PROJECT

CACHE_FLAGS = slice(4, 8)
UNCHECKED_HASH = (0b01).to_bytes(4, "little")
ELF_MACHINE = slice(18, 20)
AARCH64 = (183).to_bytes(2, "little")
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)
CLIENT = re.compile(r'_client\("(\w+)"')
LAYERS = PROJECT / "layers"
SERVICES = ("dynamodb", "secretsmanager", "sqs")


@pytest.fixture(scope="module")
def layers():
    if reason := build_report.why_not():
        pytest.skip(reason)
    return [build_report.BUILD / "DependenciesLayer", build_report.BUILD / "HubsyncLayer"]


def files(folder):
    return {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}


def test_no_cold_start_compiles_a_module(layers):
    sources = [path for layer in layers for path in layer.rglob("*.py")]
    caches = [Path(importlib.util.cache_from_source(path)) for path in sources]
    heads = {cache.read_bytes()[:8] for cache in caches}
    assert heads == {importlib.util.MAGIC_NUMBER + UNCHECKED_HASH}
    assert sorted(caches) == sorted(path for layer in layers for path in layer.rglob("*.pyc"))


def test_the_layer_holds_the_locked_packages(layers):
    pins = dict(PIN.findall((LAYERS / "dependencies" / "requirements.txt").read_text()))
    found = distributions(path=[str(layers[0] / "python")])
    assert {each.name.lower().replace("_", "-"): each.version for each in found} == pins


def test_the_layer_holds_the_models_of_the_services_that_are_called(layers):
    edge = LAYERS / "hubsync" / "python" / "hubsync" / "edge" / "aws.py"
    models = (layers[0] / "python" / "botocore" / "data").iterdir()
    assert {model.name for model in models if model.is_dir()} == set(
        CLIENT.findall(edge.read_text())
    )


@pytest.fixture(scope="module")
def loaders(layers):
    """What reads botocore's own models, and what reads those of the layer."""
    data = layers[0] / "python" / "botocore" / "data"
    return Loader(), Loader([str(data)], include_default_search_paths=False)


@pytest.mark.parametrize("kind", ["service-2", "endpoint-rule-set-1"])
def test_of_a_services_model_nothing_is_cut_but_texts(loaders, kind):
    known, shipped = (
        [loader.load_service_model(service, kind) for service in SERVICES] for loader in loaders
    )
    assert set(lost(known, shipped)) == {"documentation: str"}


def lost(known, shipped):
    """What the one has and the other does not, as the name and type of each."""
    if isinstance(known, dict):
        assert shipped.keys() <= known.keys()
        yield from (f"{n}: {type(known[n]).__name__}" for n in known.keys() - shipped.keys())
        for name, each in shipped.items():
            yield from lost(known[name], each)
    elif isinstance(known, list):
        for one, other in zip(known, shipped, strict=True):
            yield from lost(one, other)
    else:
        assert known == shipped


def test_every_region_has_the_endpoints_that_botocore_knows(loaders):
    known, shipped = (EndpointResolver(loader.load_data("endpoints")) for loader in loaders)
    regions = [
        (service, region)
        for service in SERVICES
        for partition in known.get_available_partitions()
        for region in known.get_available_endpoints(service, partition)
    ]
    assert len(regions) > 100
    assert [known.construct_endpoint(*each) for each in regions] == [
        shipped.construct_endpoint(*each) for each in regions
    ]


def test_native_modules_are_for_lambdas_processor(layers):
    native = [path for layer in layers for path in layer.rglob("*.so")]
    assert {path.read_bytes()[ELF_MACHINE] for path in native} == {AARCH64}


def test_what_is_tested_here_differs_from_what_ships_in_native_modules_alone(layers):
    """So two builds are also the same to the byte."""
    shipped, tested = files(layers[0]), files(build_report.HOST / "DependenciesLayer")
    both = shipped.keys() & tested.keys()
    differing = shipped.keys() ^ tested.keys()
    differing |= {each for each in both if shipped[each].read_bytes() != tested[each].read_bytes()}
    code = {each for each in differing if not each.parts[1].endswith(".dist-info")}
    # A machine behind a proxy may add its own authority to every file of them that it finds.
    assert {each.suffix for each in code if each.name != "cacert.pem"} == {".so"}


def test_a_build_is_of_other_code_once_any_of_its_sources_changes(tmp_path):
    (tmp_path / "functions" / "ingest").mkdir(parents=True)
    (tmp_path / "template.yaml").write_text("Resources: {}")
    prints = [build_report.fingerprint(tmp_path)]
    for content in ("a = 1", "a = 2"):
        (tmp_path / "functions" / "ingest" / "app.py").write_text(content)
        prints.append(build_report.fingerprint(tmp_path))
    (tmp_path / "functions" / "ingest" / "app.cpython-313.pyc").write_bytes(b"compiled")
    assert len(set(prints)) == 3
    assert build_report.fingerprint(tmp_path) == prints[-1]
