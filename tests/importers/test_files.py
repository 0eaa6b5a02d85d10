"""What a search for images skips, and what it names."""

import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from cellbench.errors import DataError
from cellbench.importers import IMPORTERS
from cellbench.importers.files import find_files, find_images
from cellbench.importers.images import write_image

FOLDER_FORMATS = ("folder", "masks", "voc")
PATCHES = np.random.default_rng(0).integers(0, 256, (60, 24, 24, 3), dtype=np.uint8)


@pytest.fixture
def example(tmp_path):
    """Return a function that writes 60 patches in a format and returns the folder and its images."""

    def write(format_name):
        folder = tmp_path / "example"
        folder.mkdir()
        IMPORTERS.get(format_name).write_example(folder, PATCHES, list("ab" * 30))
        return folder, sorted(path for path in folder.rglob("*.png") if "masks" not in path.parts)

    return write


@pytest.mark.parametrize("format_name", FOLDER_FORMATS)
def test_an_image_that_is_a_dead_link_is_a_problem(format_name, example, add, nothing_written):
    folder, images = example(format_name)
    images[7].unlink()
    images[7].symlink_to("nowhere.png")
    name = images[7].relative_to(folder).as_posix()
    with pytest.raises(DataError, match=f"1 problem, .*: {name}: it is a link to a file that does not exist; fetch"):
        add(format_name, folder, patch_size=24)


@pytest.mark.parametrize(
    ("format_name", "name", "message"),
    [
        ("masks", "masks/007.png", "images/b/007.png: its mask masks/007.png cannot be used: it is a link to a file"),
        ("voc", "Annotations/007.xml", r"Annotations/007\.xml: it is not readable XML \(No such file or directory\)"),
    ],
)
def test_a_mask_or_annotation_that_is_a_dead_link_is_a_problem(format_name, name, message, example, add):
    folder, _ = example(format_name)
    (folder / name).unlink()
    (folder / name).symlink_to("nowhere")
    with pytest.raises(DataError, match=f"1 problem, .*: {message}"):
        add(format_name, folder, patch_size=24)


def test_a_table_of_classes_that_is_a_dead_link_is_not_ignored(example, add):
    folder, _ = example("masks")
    (folder / "labels.csv").symlink_to("nowhere.csv")
    with pytest.raises(DataError, match=r"There is no file .*labels\.csv"):
        add("masks", folder)


def test_a_dead_link_that_may_be_a_folder_of_a_class_is_a_problem(class_folders, add, nothing_written):
    (class_folders / "c").symlink_to("nowhere")
    with pytest.raises(
        DataError, match=r": c: it cannot be opened \(No such file or directory\) and may be a link to a"
    ):
        add("folder", class_folders)


def test_a_dead_link_that_is_no_image_is_named(class_folders, add):
    (class_folders / "notes.txt").symlink_to("nowhere")
    assert add("folder", class_folders).remarks == ["Skipped files that cannot be opened: notes.txt."]


@pytest.mark.parametrize("format_name", FOLDER_FORMATS)
def test_a_pipe_is_a_problem_and_does_not_block(format_name, example, add, nothing_written):
    folder, images = example(format_name)
    images[7].unlink()
    os.mkfifo(images[7])
    with pytest.raises(DataError, match=rf"{images[7].name}: it is a pipe, socket or device, not a file; remove it"):
        add(format_name, folder, patch_size=24)


@pytest.fixture
def without_permission(tmp_path_factory):
    """Return a function that imports a folder as a user without special rights and returns the message."""
    root = Path("/tmp") / f"{tmp_path_factory.getbasetemp().name}-{os.getpid()}"  # the user can enter it
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(mode=0o755)
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from cellbench.errors import DataError\nfrom cellbench.importers import ImportOptions, import_patch_set\n"
        "try:\n    import_patch_set(Path(sys.argv[1] + '-set'), 'x', sys.argv[2], Path(sys.argv[1]),"
        " ImportOptions(patch_size=24))\n"
        "except DataError as error:\n    print(error)\n"
    )

    def run(folder, format_name):
        target = root / "data"
        shutil.copytree(folder, target, symlinks=True)  # keeps permissions
        user = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"] if os.geteuid() == 0 else []
        command = [*user, sys.executable, "-c", program, str(target), format_name]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    yield run
    for path in root.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(root)


needs_setpriv = pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may read everything; setpriv is not installed"
)


@needs_setpriv
@pytest.mark.parametrize(
    ("format_name", "name"), [("folder", "a"), ("masks", "images/a"), ("masks", "masks"), ("voc", "Annotations")]
)
def test_a_folder_without_permission_is_named(format_name, name, example, without_permission):
    folder, _ = example(format_name)
    inside = folder / name / "closed"
    inside.mkdir(mode=0o000)
    expected = f": {name}/closed: the folder cannot be opened (Permission denied)"
    assert expected in without_permission(folder, format_name)


@needs_setpriv
def test_a_file_without_permission_is_named(class_folders, without_permission):
    (class_folders / "a" / "A_00.png").chmod(0o000)
    message = without_permission(class_folders, "folder")
    assert ": a/A_00.png: it cannot be read (Permission denied). Correct" in message


@needs_setpriv
@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_an_imported_folder_without_permission_is_named(mode, example, without_permission):
    folder, _ = example("masks")
    folder.chmod(mode)
    assert "data may not be read; change its permissions, or copy it." in without_permission(folder, "masks")


def test_thumbnails_of_file_servers_are_skipped_and_counted(class_folders, add):
    for name in ("a/@eaDir/A_00.png/THUMB_M.jpg", "$RECYCLE.BIN/x.png", "__MACOSX/a/._A_00.png", "lost+found/x.png"):
        write_image(class_folders / name, PATCHES[0])
    for name in ("Thumbs.db", "a/Thumbs.db", "a/._A_00.png", "a/.DS_Store", "a/.x.png", "desktop.ini"):
        (class_folders / name).write_bytes(b"x")
    imported = add("folder", class_folders)
    assert len(imported.patch_set) == 60
    assert imported.remarks == [
        "Skipped hidden files, thumbnails and deleted files: 1 × $RECYCLE.BIN, 1 × .*, 1 × .DS_Store, 1 × ._*, "
        "1 × @eaDir, 2 × Thumbs.db, 1 × __MACOSX, 1 × desktop.ini, 1 × lost+found."
    ]


def test_images_in_unread_formats_are_not_called_other_files(class_folders, add):
    for name in ("x.GIF", "y.jp2", "z.jfif", "notes.txt"):
        (class_folders / "a" / name).write_bytes(b"x")
    assert add("folder", class_folders).remarks == [
        "Skipped images in formats that are not read: 1 × .gif, 1 × .jfif, 1 × .jp2; convert them to PNG.",
        "Skipped files that are not images: 1 × .txt.",
    ]


def test_a_folder_of_unread_formats_says_what_it_contains(tmp_path):
    (tmp_path / "x.jfif").write_bytes(b"x")
    with pytest.raises(DataError, match=r"There is no image in .*not read: 1 × \.jfif; convert"):
        find_images(tmp_path)


def test_an_upper_case_suffix_is_an_image(tmp_path):
    write_image(tmp_path / "a" / "X.PNG", PATCHES[0])
    assert find_images(tmp_path).paths == [tmp_path / "a" / "X.PNG"]


def test_a_class_folder_without_an_image_is_named(class_folders, add):
    (class_folders / "c").mkdir()
    assert add("folder", class_folders).remarks == ["Folders in which nothing was read: c."]


def test_a_link_to_a_folder_above_is_named(class_folders, add):
    (class_folders / "b" / "round").symlink_to(class_folders)
    imported = add("folder", class_folders)
    assert len(imported.patch_set) == 60
    assert imported.remarks == ["Skipped links that lead back to a folder above them: b/round."]


@pytest.mark.parametrize("link", ["0", "c"])  # sorted before and after the folder that it leads to
def test_a_folder_with_two_names_is_a_problem(class_folders, add, link, nothing_written):
    (class_folders / link).symlink_to("a")
    with pytest.raises(DataError, match=r"1 problem.*it is the same folder as .*, because one is a link; remove the"):
        add("folder", class_folders)


def test_a_name_that_is_not_utf8_is_named(class_folders, add, nothing_written):
    name = os.fsdecode(b"Zelle_\xe4.png")
    write_image(class_folders / "a" / name, PATCHES[0])
    write_image(class_folders / os.fsdecode(b"Bl\xe4ttchen") / "1.png", PATCHES[0])
    (class_folders / os.fsdecode(b"note.\xe4")).write_bytes(b"x")
    with pytest.raises(DataError, match="2 problems") as caught:
        add("folder", class_folders)
    assert r"  Bl\xe4ttchen: its name is not UTF-8 text; rename it" in str(caught.value)
    assert r"  a/Zelle_\xe4.png: its name is not UTF-8 text; rename it" in str(caught.value)
    str(caught.value).encode()


def test_the_name_of_the_imported_folder_must_be_utf8(class_folders, add, nothing_written):
    folder = class_folders.rename(class_folders.with_name(os.fsdecode(b"Bl\xe4ttchen")))
    with pytest.raises(DataError, match=r"Bl\\xe4ttchen: its name is not UTF-8 text; rename it"):
        add("folder", folder)


def test_a_folder_name_with_a_line_break_is_a_problem(class_folders, add, nothing_written):
    (class_folders / "a").rename(class_folders / "a\nb")
    with pytest.raises(DataError, match=r"1 problem, .*: a\\nb: its name contains a control character; rename it"):
        add("folder", class_folders)


def test_two_spellings_of_a_file_name_are_a_problem(class_folders, add, nothing_written):
    for form in ("NFC", "NFD"):
        write_image(class_folders / "a" / unicodedata.normalize(form, "Färbung.png"), PATCHES[0])
    with pytest.raises(DataError, match=r"1 problem, .*F.*rbung\.png: two files have this name in two Unicode spell"):
        add("folder", class_folders)


def test_sentences_name_files_below_the_root(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "c").symlink_to("nowhere")
    found = find_files(tmp_path / "images", frozenset({".png"}), root=tmp_path)
    assert found.problems[0].startswith("images/c: ")
