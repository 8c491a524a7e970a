from importlib.metadata import version


def pytest_benchmark_update_machine_info(machine_info):
    """What the tables say of the machine, noted when it is measured."""
    machine_info["versions"] = {name: version(name) for name in ("NumPy", "torch")}
