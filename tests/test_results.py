"""The result store: what goes in comes out, and nothing that is damaged, foreign or half written is ever used."""

import dataclasses
import errno
import hashlib
import inspect
import json
import math
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from sclib import parts, record, results


@dataclasses.dataclass(frozen=True)
class Config:
    experiment: str = "tiny"
    K: int = 4
    lam: float = math.inf
    seeds: tuple = (0, 1)
    version: int = 1


ARRAYS = {"masses": np.arange(12.0).reshape(3, 4), "points": np.ones((2, 5, 2), np.float16), "seconds": np.array([1.5])}
PROVENANCE = {"date": "2025-01-31", "device": "CPU, 2 threads", "seconds": 61.7}


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """An empty cache and an empty shipped folder."""
    monkeypatch.setenv("SCLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(results, "SHIPPED", tmp_path / "shipped")
    return tmp_path


def assert_is_whole(result):
    assert set(result.arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert result.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(result.arrays[name], array)
    assert result.provenance == PROVENANCE


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_saved_is_loaded():
    results.save(Config(), ARRAYS, PROVENANCE)
    result = results.load(Config())
    assert_is_whole(result)
    assert result.config == {"experiment": "tiny", "K": 4, "lam": "inf", "seeds": [0, 1], "version": 1}


def test_the_file_is_named_by_the_hash_of_canonical_json():
    text = '{"K":4,"experiment":"tiny","lam":"inf","seeds":[0,1],"version":1}'
    assert results.save(Config(), ARRAYS, {}).name == f"tiny-{hashlib.sha256(text.encode()).hexdigest()[:12]}.npz"


def test_the_order_of_a_configs_fields_does_not_matter():
    assert results.key({"a": 1, "b": [2]}) == results.key({"b": (2,), "a": 1}) != results.key({"a": 1, "b": [3]})


def test_saving_again_gives_the_same_bytes():
    path = results.save(Config(), ARRAYS, PROVENANCE)
    before = path.read_bytes()
    assert results.save(Config(), ARRAYS, PROVENANCE).read_bytes() == before


def test_the_source_line_names_config_seeds_date_device_and_time():
    results.save(Config(), ARRAYS, PROVENANCE)
    expected = f"tiny ({results.key(Config())}), seeds 0-1, 2025-01-31, CPU, 2 threads, 62 s"
    assert results.load(Config()).source == expected


def test_shipped_results_come_before_the_users(folders):
    results.save(Config(), {"x": np.array(1)}, {})
    results.write(folders / "shipped" / results.file_name(Config()), Config(), {"x": np.array(2)}, {})
    assert results.load(Config()).arrays["x"] == 2


def test_a_missing_result_names_the_command_and_its_time():
    with pytest.raises(results.MissingResult, match=r"run tiny --set 'K=7' \(about 2 min on two CPU cores\)"):
        results.load(Config(K=7), command="run tiny --set 'K=7' (about 2 min on two CPU cores)")
    with pytest.raises(results.MissingResult, match="run other"):
        results.load({"experiment": "other", "version": 1})


def test_a_file_cut_short_is_put_aside_and_can_be_made_again():
    path = results.save(Config(), ARRAYS, PROVENANCE)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.warns(UserWarning, match=r"put aside as tiny-.*\.npz\.damaged"), pytest.raises(results.MissingResult):
        results.load(Config())
    assert files(path.parent) == [path.name + ".damaged"]
    results.save(Config(), ARRAYS, PROVENANCE)
    assert_is_whole(results.load(Config()))


def test_no_flipped_bit_changes_what_is_loaded():
    path = results.save(Config(), ARRAYS, PROVENANCE)
    whole, damaged = path.read_bytes(), 0
    for position in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        try:
            result = results.read(path, Config())
        except results.DamagedResult:
            damaged += 1
        else:
            assert_is_whole(result)  # a bit that nothing depends on, such as a time stamp
    assert damaged > 0.5 * len(range(0, len(whole), 7))


def test_a_flipped_bit_in_the_data_is_reported():
    path = results.save(Config(), ARRAYS, PROVENANCE)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("masses.npy")
    content[info.header_offset + 120] ^= 1  # within its 100 bytes of compressed data
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="checksum of masses.npy|decompressing"), pytest.raises(results.MissingResult):
        results.load(Config())


def test_a_result_of_another_config_is_put_aside():
    path = results.cache_folder() / results.file_name(Config())
    results.write(path, Config(K=2), ARRAYS, PROVENANCE)
    with pytest.warns(UserWarning, match="made with another config"), pytest.raises(results.MissingResult):
        results.load(Config())
    assert files(path.parent) == [path.name + ".damaged"]


def test_a_damaged_shipped_result_gives_way_to_the_users(folders):
    results.save(Config(), ARRAYS, PROVENANCE)
    shipped = folders / "shipped" / results.file_name(Config())
    shipped.parent.mkdir()
    shipped.write_bytes(b"PK")
    with pytest.warns(UserWarning, match="put aside"):
        assert_is_whole(results.load(Config()))


def test_pickles_are_never_loaded(folders):
    path = folders / "pickled.npz"
    meta = json.dumps({"config": dataclasses.asdict(Config(lam=1.0, seeds=[0])), "provenance": {}})
    np.savez(path, meta=np.array(meta), x=np.array([{}], dtype=object))
    with pytest.raises(results.DamagedResult, match="pickle"):
        results.read(path, Config(lam=1.0, seeds=[0]))


@pytest.mark.parametrize("where", ["os.fsync", "os.replace", "numpy.savez_compressed"])
def test_an_interrupted_write_leaves_what_was_there(where, monkeypatch):
    path = results.save(Config(), ARRAYS, PROVENANCE)

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(where, interrupt)
    with pytest.raises(KeyboardInterrupt):
        results.save(Config(), {"masses": np.zeros(3)}, {})
    monkeypatch.undo()
    os.environ["SCLIB_CACHE"] = str(path.parent)
    assert files(path.parent) == [path.name]
    assert_is_whole(results.read(path, Config()))


@pytest.mark.parametrize(
    "config, arrays, says",
    [
        (Config(), {"meta": np.zeros(1)}, "arrays has the name 'meta'"),
        (Config(), {"parts": np.zeros(1)}, "arrays has the name 'parts'"),
        (Config(), {"file": np.zeros(1)}, "arrays has the name 'file'"),
        (Config(), {"x.npy": np.zeros(1)}, "arrays has the name 'x.npy'"),
        (Config(), {"a/b": np.zeros(1)}, "a name in arrays = 'a/b' must be at most 100 of A-Z"),
        (Config(), {"": np.zeros(1)}, "a name in arrays = '' must be at most 100 of A-Z"),
        (Config(), {"x": np.array([None])}, r"arrays\['x'\] is of type ndarray, object"),
        (Config(), {"x": np.ma.array([1.0])}, r"arrays\['x'\] is of type MaskedArray"),
        (Config(), {"x": [[1], [1, 2]]}, r"arrays\['x'\], of type list, is no array"),
        ({"experiment": "x"}, {}, "config has no 'version'"),
        ({"version": 1}, {}, "config has no 'experiment'"),
        (Config(experiment="../x"), {}, r"config\['experiment'\] = '../x' must be at most 100 of A-Z"),
        (Config(experiment=""), {}, r"config\['experiment'\] = '' must be at most 100 of A-Z"),
        (Config(lam=math.nan), {}, r"config\['lam'\], of type float, .* numbers but NaN"),
        (Config(seeds=(0, np.int64(1))), {}, r"config\['seeds'\]\[1\], of type int64"),
        ({"experiment": "x", "version": {1: 2}}, {}, r"config\['version'\] has the key 1"),
        (None, {}, "config is of type NoneType; it must be a dataclass or a dict"),
    ],
)
def test_what_cannot_be_stored_is_named(config, arrays, says, folders):
    with pytest.raises(ValueError, match=says):
        results.save(config, arrays, {})
    assert files(folders) == []


def test_no_name_of_an_array_is_taken_for_a_parameter_of_savez_compressed():
    parameters = inspect.signature(np.savez_compressed).parameters.values()
    assert {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)} <= set(record.RESERVED)


def test_the_store_needs_no_torch_and_its_data_folder_is_no_package():
    code = "import sys, sclib.results as r; assert 'torch' not in sys.modules; print(r.__file__, r.SHIPPED.is_dir())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("results.py True")
    assert not (results.pathlib.Path(results.__file__).with_name("results") / "__init__.py").exists()


# Split over several files.

LARGE = {f"layer{i}": np.full(300, i, np.float32) for i in range(5)} | {"step": np.array(7)}  # 1,200 bytes each


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "PART", 2_500)


def test_what_is_split_is_read_as_one_and_no_part_is_larger_than_allowed(folders, small_parts):
    path = folders / "state.npz"
    parts.write_split(path, Config(), LARGE)
    assert len(files(folders)) == 3 and [name for name in files(folders) if name.endswith(".npz")] == ["state.npz"]
    arrays = results.read(path, Config()).arrays
    assert arrays.keys() == LARGE.keys()
    for name in LARGE:
        np.testing.assert_array_equal(arrays[name], LARGE[name])


def test_the_parts_of_the_last_time_are_removed_and_in_the_end_all(folders, small_parts):
    path = folders / "state.npz"
    (folders / "state-of-another.npz").touch()
    for value in (1, 2):
        parts.write_split(path, Config(), LARGE | {"step": np.array(value)})
    assert len(files(folders)) == 4 and results.read(path, Config()).arrays["step"] == 2
    parts.remove_split(path)
    assert files(folders) == ["state-of-another.npz"]


def test_killed_between_two_parts_the_old_set_is_whole(folders, small_parts, monkeypatch):
    path = folders / "state.npz"
    parts.write_split(path, Config(), LARGE)
    write = results.write

    def killed(path, *rest):
        if path.suffix == ".npz":
            raise KeyboardInterrupt
        write(path, *rest)

    monkeypatch.setattr(parts, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        parts.write_split(path, Config(), LARGE | {"step": np.array(8)})
    assert results.read(path, Config()).arrays["step"] == 7


def test_a_full_disk_leaves_the_old_set_and_nothing_of_the_new_one(folders, small_parts, monkeypatch):
    path = folders / "state.npz"
    parts.write_split(path, Config(), LARGE)
    before, fsync, left = files(folders), os.fsync, iter((True, True, False))

    def full(file):
        if not next(left):
            raise OSError(errno.ENOSPC, "no space left on device")
        fsync(file)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        parts.write_split(path, Config(), LARGE | {"step": np.array(8)})
    assert files(folders) == before and results.read(path, Config()).arrays["step"] == 7


def test_a_missing_or_damaged_part_condemns_the_whole(folders, small_parts):
    path = folders / "state.npz"
    for harm in ("unlink", "cut"):
        parts.write_split(path, Config(), LARGE)
        part = next(folders.glob("*.part"))
        part.unlink() if harm == "unlink" else part.write_bytes(part.read_bytes()[:-5])
        with pytest.warns(UserWarning, match="put aside"):
            assert results.read_or_put_aside(path, Config()) is None


# Other users, other folders, other processes.


def test_a_file_has_the_mode_that_the_umask_gives(folders):
    before = os.umask(0o022)
    try:
        path = results.save(Config(), ARRAYS, PROVENANCE)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644 and files(path.parent) == [path.name]


def test_what_cannot_be_read_is_a_miss(monkeypatch):
    path = results.save(Config(), ARRAYS, PROVENANCE)
    path.unlink()
    path.mkdir()  # root may read every file, but no one a folder
    with pytest.warns(UserWarning, match="cannot be read"), pytest.raises(results.MissingResult):
        results.load(Config())


def test_a_home_is_meant_by_a_tilde(folders, monkeypatch):
    monkeypatch.setenv("HOME", str(folders / "hömé of mine"))
    monkeypatch.setenv("SCLIB_CACHE", "~/my cache")
    path = results.save(Config(), ARRAYS, PROVENANCE)
    assert path.parent == folders / "hömé of mine" / "my cache"
    assert_is_whole(results.load(Config()))
    monkeypatch.setenv("SCLIB_CACHE", "~nobody-of-this-name/x")
    with pytest.raises(ValueError, match="SCLIB_CACHE"):
        results.save(Config(), ARRAYS, PROVENANCE)


def test_a_cache_that_is_a_file_is_said_before_the_work(folders, monkeypatch):
    (folders / "file").touch()
    monkeypatch.setenv("SCLIB_CACHE", str(folders / "file"))
    for call in (results.writable_cache, lambda: results.save(Config(), ARRAYS, {})):
        with pytest.raises(ValueError, match="set SCLIB_CACHE to a folder that you may write to"):
            call()
    with pytest.raises(results.MissingResult):
        results.load(Config())


def test_what_a_killed_writer_left_is_swept_by_the_next(folders, small_parts):
    path = folders / "state.npz"
    (folders / "state.npz12345678.tmp").touch()
    (folders / "state-0123abcd-1.part").touch()
    parts.write_split(path, Config(), LARGE)
    assert len(files(folders)) == 3
    assert results.read(path, Config()).arrays.keys() == LARGE.keys()


WRITER = """
import sys, pathlib, numpy as np
from sclib import parts, results
parts.PART = 2500
for i in range(30):
    parts.write_split(pathlib.Path(sys.argv[1]), {"x": 1}, {f"l{j}": np.full(300, i, np.float32) for j in range(5)})
"""


def test_two_writers_lose_nothing_and_readers_see_whole_sets(folders):
    path = folders / "shared" / "state.npz"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path)]) for _ in range(2)]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        if (result := results.read_or_put_aside(path, {"x": 1})) is not None:
            assert len({float(a[0]) for a in result.arrays.values()}) == 1
            seen += 1
    assert seen and [writer.returncode for writer in writers] == [0, 0]
    left = files(path.parent)
    assert left.count("state.npz") == 1 and len(left) == 3 and sum(name.endswith(".part") for name in left) == 2
