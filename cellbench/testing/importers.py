"""What every importer must do, as pytest tests."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from cellbench.errors import DataError
from cellbench.importers import IMPORTERS, Imported, Importer, ImportOptions, Manifest, import_patch_set
from cellbench.importers.images import ImageReader
from cellbench.importers.manifest import COLUMNS, FORMAT_OPTIONS

N_PATCHES, SIZE = 60, 16
LABELS = tuple("ab"[number % 2] for number in range(N_PATCHES))


class ImporterConformance:
    """Tests that every importer passes. They import 60 patches of 16 px that its `write_example` writes.

    A subclass sets `format_name`, or overrides the fixture `name` to test several formats.
    """

    format_name: ClassVar[str]
    """Name of the importer in `IMPORTERS`."""

    @pytest.fixture
    def name(self) -> str:
        """Name of the importer in `IMPORTERS`."""
        return self.format_name

    @pytest.fixture
    def importer(self, name: str) -> Importer:
        """The importer."""
        return IMPORTERS.get(name)

    @pytest.fixture
    def patches(self) -> NDArray[np.uint8]:
        """Random patches, uint8, 60 × 16 × 16 × 3, all different."""
        return np.random.default_rng(0).integers(0, 256, (N_PATCHES, SIZE, SIZE, 3), dtype=np.uint8)

    @pytest.fixture
    def path(self, importer: Importer, patches: NDArray[np.uint8], tmp_path: Path) -> Path:
        """The patches in this format, in a folder of their own."""
        return importer.write_example(_new_folder(tmp_path / "example"), patches, LABELS)

    def test_the_record_describes_the_format(self, name: str, importer: Importer) -> None:
        """The registry has a description for listings, and all accepted options exist."""
        record = next(one for one in IMPORTERS.items() if one.name == name)
        assert len(record.description) > 10
        assert importer.accepts <= FORMAT_OPTIONS

    def test_the_example_stays_in_its_folder(self, path: Path, tmp_path: Path) -> None:
        """`write_example` writes only below the folder that it receives."""
        assert path.is_relative_to(tmp_path / "example")
        assert [entry.name for entry in tmp_path.iterdir()] == ["example"]

    def test_reading_decodes_no_image(self, importer: Importer, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """`read` lists the patches and leaves the decoding to its reader."""
        for method in ("image", "mask", "size"):
            monkeypatch.setattr(ImageReader, method, lambda *args: pytest.fail("an image was decoded"))
        manifest = importer.read(path, ImportOptions(patch_size=SIZE))
        assert isinstance(manifest, Manifest)
        assert "source" in manifest.table.columns
        assert set(manifest.table.columns) <= set(COLUMNS)
        assert len(manifest.table) == N_PATCHES
        assert manifest.problems == []

    def test_patches_keep_their_pixels_and_labels(
        self, name: str, path: Path, patches: NDArray[np.uint8], tmp_path: Path
    ) -> None:
        """The data set contains exactly the patches of the example, each with its label."""
        found = _imported(name, path, tmp_path / "set").patch_set
        number_of = {patch.tobytes(): number for number, patch in enumerate(patches)}
        numbers = [number_of[patch.tobytes()] for patch in np.asarray(found.patches)]
        assert sorted(numbers) == list(range(N_PATCHES))
        assert found.index["label"].tolist() == [LABELS[number] for number in numbers]
        assert (found.valid_box() == [0, 0, SIZE, SIZE]).all()

    def test_sources_are_relative_to_the_import(self, name: str, path: Path, tmp_path: Path) -> None:
        """The data set does not contain the folder of the images, which can name a person or a machine."""
        found = _imported(name, path, tmp_path / "set").patch_set
        assert not any(str(tmp_path) in source or source.startswith("/") for source in found.index["source"])

    def test_the_same_images_and_seed_give_the_same_set(self, name: str, path: Path, tmp_path: Path) -> None:
        """The fingerprint depends on the images and the seed only."""
        prints = [
            _imported(name, path, tmp_path / f"set{number}", seed=seed).patch_set.card.fingerprint
            for number, seed in enumerate((0, 0, 1))
        ]
        assert prints[0] == prints[1] != prints[2]

    def test_damaged_images_are_named_and_nothing_is_written(
        self, name: str, importer: Importer, path: Path, tmp_path: Path
    ) -> None:
        """Each truncated image is in the message. Where images are not files, the largest file is truncated."""
        sources = [Path(source) for source in importer.read(path, ImportOptions(patch_size=SIZE)).table["source"]]
        are_files = all(source.is_file() for source in sources)
        damaged = sources[3:9:3] if are_files else [_largest_file(path)]
        for file in damaged:
            file.write_bytes(file.read_bytes()[:-40])
        with pytest.raises(DataError) as caught:
            _imported(name, path, tmp_path / "sets" / "set")
        message = str(caught.value)
        assert not are_files or "has 2 problems, so nothing was written" in message
        for file in damaged:
            assert file.name in message
        assert not list((tmp_path / "sets").glob("*"))

    def test_a_missing_path_is_named(self, name: str, tmp_path: Path) -> None:
        """A path that does not exist is a data error."""
        with pytest.raises(DataError, match=r"There is no (folder|file) .*nowhere"):
            _imported(name, tmp_path / "nowhere", tmp_path / "sets" / "set")
        assert not list((tmp_path / "sets").glob("*"))


def _new_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _imported(name: str, path: Path, target: Path, seed: int = 0) -> Imported:
    return import_patch_set(target, "set", name, path, ImportOptions(patch_size=SIZE, seed=seed))


def _largest_file(path: Path) -> Path:
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return max(files, key=lambda file: file.stat().st_size)
