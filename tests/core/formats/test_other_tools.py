"""Files as other tools write them, each small and written here to the form that its tool publishes;
and what is refused of them, in words that name what was found."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from core.formats import READERS, FormatError, ReadOptions, recognised
from core.formats.archives import files_in
from core.formats.record import Photo, Project

Said = list[tuple[str, str, str, tuple[float, ...]]]
"""Photo, annotator, words, xyxy: in the file's order."""


def said(project: Project) -> Said:
    return [
        (work.photo, work.annotator, one.snippet, one.box)
        for work in project.submissions
        for one in work.annotations
    ]


def read(name: str, data: Any, **options: Any) -> Project:
    """A file, told by what is in it."""
    if isinstance(data, str):
        data = data.encode()
    elif not isinstance(data, bytes):
        data = json.dumps(data).encode()
    found = recognised(data)
    assert found.name == name
    return found.read(data, ReadOptions(**options))


def zipped(**files: Any) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            out.writestr(name.replace("__", "/"), text)
    return archive.getvalue()


def studio(**value: Any) -> list[dict[str, Any]]:
    """Label Studio's export: a box in percent, its words in a text area of the same id."""
    size = {"original_width": 400, "original_height": 200, "image_rotation": 0}
    place = {"x": 25, "y": 10, "width": 50, "height": 40, "rotation": 0} | value
    box = {"id": "r1", "from_name": "label", "to_name": "image", "type": "rectanglelabels"}
    words = {"id": "r1", "from_name": "caption", "to_name": "image", "type": "textarea"}
    lone = {"id": "r2", "from_name": "label", "to_name": "image", "type": "rectanglelabels"}
    return [
        {
            "id": 7,
            "data": {"image": "/data/upload/3/0a1b2c3d-street%201.jpg"},
            "annotations": [
                {
                    "id": 11,
                    "completed_by": {"id": 1, "email": "ada@example.org"},
                    "was_cancelled": False,
                    "lead_time": 12.5,
                    "result": [
                        {**box, **size, "value": place | {"rectanglelabels": ["car"]}},
                        {**words, **size, "value": place | {"text": ["a red car"]}},
                        {
                            **lone,
                            **size,
                            "value": {"x": 0, "y": 0, "width": 100, "height": 50, "rotation": 0}
                            | {"rectanglelabels": ["sky"]},
                        },
                        {"id": "c", "type": "choices", "value": {"choices": ["day"]}},
                    ],
                },
                {"id": 12, "completed_by": 2, "was_cancelled": True, "result": []},
            ],
            "predictions": [],
        },
        {"id": 8, "data": {"image": "https://host/photos/b.jpg?x=1"}, "annotations": []},
    ]


def test_label_studio() -> None:
    project = read("label-studio", studio(), sizes={"b.jpg": (30, 20)})
    assert project.photos == (Photo("street 1.jpg", 400, 200), Photo("b.jpg", 30, 20))
    assert said(project) == [
        ("street 1.jpg", "ada@example.org", "a red car", (100, 20, 300, 100)),
        ("street 1.jpg", "ada@example.org", "sky", (0, 0, 400, 100)),
    ]
    with pytest.raises(FormatError, match=r"result\[0\]: The box is turned by 12\.5 degrees"):
        read("label-studio", studio(rotation=12.5))
    other = studio()
    other[0]["annotations"][0]["result"][0]["type"] = "polygonlabels"
    with pytest.raises(FormatError, match=r"type: The shape is 'polygonlabels'; expected a rect"):
        read("label-studio", other)


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><name>streets</name></task></meta>
  <image id="0" name="day/a.jpg" width="400" height="200">
    <box label="thing" source="manual" occluded="0" xtl="10.50" ytl="20.00" xbr="30.25" ybr="40.00"
     z_order="0">
      <attribute name="occluded">false</attribute>
      <attribute name="Text">a small dog &amp; a cat</attribute>
    </box>
    <box label="tree" occluded="0" xtl="0" ytl="0" xbr="9" ybr="9" z_order="0"></box>
  </image>
  <image id="1" name="night/a.jpg" width="30" height="20"></image>
</annotations>
"""


def test_cvats_xml() -> None:
    project = read("cvat", CVAT, annotator="Ada")
    # Two photos called a.jpg: the second has its folder's name.
    assert project.photos == (Photo("a.jpg", 400, 200), Photo("night_a.jpg", 30, 20))
    assert said(project) == [
        ("a.jpg", "Ada", "a small dog & a cat", (10.5, 20, 30.25, 40)),
        ("a.jpg", "Ada", "tree", (0, 0, 9, 9)),
    ]
    for change, to, message in (
        (
            'z_order="0"></box>',
            'rotation="30.5"></box>',
            "box 1: The box is turned by 30.5",
        ),
        ('xtl="0"', 'xtl="left"', "image 0, box 1: xtl is 'left'; expected a number"),
        ("<version>", '<polygon points="1,2"/><version>', None),
        ("</image>", '<polygon label="x" points="1,2;3,4"/></image>', "The shape is 'polygon'"),
        ("<version>", '<track id="0"/><version>', "tracks of a video"),
        (
            "<annotations>",
            '<!DOCTYPE a [<!ENTITY b "c">]><annotations>',
            "declares a document",
        ),
        ("</annotations>", "", "This is not XML"),
    ):
        changed = CVAT.replace(change, to, 1)
        if message is None:
            assert read("cvat", changed)
            continue
        with pytest.raises(FormatError, match=message):
            read("cvat", changed)


def test_cvats_coco_and_cocos_instances() -> None:
    """CVAT's COCO 1.0 has the words in attributes; COCO's instances have classes; ids may be text
    or floats, names may have folders and backslashes."""
    data = {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {"contributor": "", "date_created": "", "description": "", "url": ""},
        "categories": [{"id": 1, "name": "dog", "supercategory": ""}],
        "images": [
            {"id": "a1", "width": 400.0, "height": 200, "file_name": "day\\a.jpg"},
            {"id": 2.0, "width": 30, "height": 20, "file_name": "C:\\photos\\night/a.jpg"},
        ],
        "annotations": [
            {
                "id": 1,
                "image_id": "a1",
                "category_id": 1,
                "segmentation": [],
                "area": 100.0,
                "bbox": [10.0, 20.0, 30.0, 40.0],
                "iscrowd": 0,
                "attributes": {"occluded": False, "rotation": 0.0, "text": "a brown dog"},
            },
            {"id": 2, "image_id": 2, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 0},
        ],
    }
    project = read("coco", data, annotator="Ada")
    assert project.photos == (Photo("a.jpg", 400, 200), Photo("photos_night_a.jpg", 30, 20))
    assert said(project) == [
        ("a.jpg", "Ada", "a brown dog", (10, 20, 40, 60)),
        ("photos_night_a.jpg", "Ada", "dog", (1, 2, 4, 6)),
    ]
    data["annotations"][1]["category_id"] = 9  # type: ignore[index]
    with pytest.raises(FormatError, match=r"annotations\[1\]\.caption: This key is missing, and"):
        read("coco", data)
    data["images"][1]["id"] = "a1"  # type: ignore[index]
    with pytest.raises(FormatError, match=r"images\[1\]: Image id 'a1' stands there twice"):
        read("coco", data)


RECT = {"name": "rect", "x": 10, "y": 20, "width": 30, "height": 40}
SIZES = {"a.jpg": (400, 200), "b.jpg": (30, 20)}
VIA_2 = {
    "a.jpg1234": {
        "filename": "a.jpg",
        "size": 1234,
        "regions": [
            {"shape_attributes": RECT, "region_attributes": {"name": "", "caption": "a dog"}},
            {
                "shape_attributes": RECT | {"x": 0},
                "region_attributes": {"kind": {"cat": True, "dog": False, "pet": True}},
            },
        ],
        "file_attributes": {"caption": "", "public_domain": "no"},
    },
    "b.jpg99": {"filename": "b.jpg", "size": 99, "regions": [], "file_attributes": {}},
}
VIA_3 = {
    "project": {"pid": "__VIA_PROJECT_ID__", "pname": "streets", "creator": "VGG"},
    "config": {"file": {"loc_prefix": {"1": ""}}},
    "attribute": {
        "1": {"aname": "caption", "anchor_id": "FILE1_Z0_XY1", "type": 1, "options": {}},
        "2": {"aname": "kind", "type": 4, "options": {"0": "a cat", "1": "a dog"}},
    },
    "file": {
        "1": {"fid": "1", "fname": "a.jpg", "type": 2, "loc": 1, "src": ""},
        "2": {"fid": "2", "fname": "b.jpg", "type": 2, "loc": 1, "src": ""},
    },
    "metadata": {
        "1_x": {"vid": "1", "flg": 0, "z": [], "xy": [2, 10, 20, 30, 40], "av": {"1": "a dog"}},
        "1_y": {"vid": "1", "flg": 0, "z": [], "xy": [2, 0, 20, 30, 40], "av": {"2": "0"}},
        "2_z": {"vid": "2", "flg": 0, "z": [], "xy": [], "av": {"1": "about the photo"}},
    },
    "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": ["2"]}},
}
VIA_2_CSV = (
    "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,"
    "region_attributes\n"
    'a.jpg,1234,"{}",2,0,"{""name"":""rect"",""x"":10,""y"":20,""width"":30,""height"":40}",'
    '"{""caption"":""a dog""}"\n'
    'a.jpg,1234,"{}",2,1,"{""name"":""rect"",""x"":0,""y"":20,""width"":30,""height"":40}",'
    '"{""caption"":""a cat""}"\n'
    'b.jpg,99,"{}",0,0,"{}","{}"\n'
)
VIA_3_CSV = (
    "# Exported using VGG Image Annotator (http://www.robots.ox.ac.uk/~vgg/software/via)\n"
    '# SHAPE_ID = {"POINT":1, "RECTANGLE":2}\n'
    "# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,metadata\n"
    '"1_x","[""a.jpg""]",0,"[]","[2,10,20,30,40]","{""1"":""a dog""}"\n'
    '"1_y","[""a.jpg""]",0,"[]","[2,0,20,30,40]","{""1"":""a cat""}"\n'
    '"2_z","[""b.jpg""]",0,"[]","[]","{}"\n'
)


@pytest.mark.parametrize(
    "data",
    [VIA_2, {"_via_settings": {}, "_via_img_metadata": VIA_2}, VIA_3, VIA_2_CSV, VIA_3_CSV],
    ids=["2", "2 project", "3", "2 csv", "3 csv"],
)
def test_via(data: Any) -> None:
    project = read("via", data, sizes=SIZES, annotator="Ada")
    assert project.photos == (Photo("a.jpg", 400, 200), Photo("b.jpg", 30, 20))
    second = "cat, pet" if data is VIA_2 or "_via_img_metadata" in data else "a cat"
    assert said(project) == [
        ("a.jpg", "Ada", "a dog", (10, 20, 40, 60)),
        ("a.jpg", "Ada", second, (0, 20, 30, 60)),
    ]


def test_what_via_has_no_rectangle_for() -> None:
    circle = json.loads(json.dumps(VIA_2))
    circle["a.jpg1234"]["regions"][1]["shape_attributes"] = {"name": "circle", "cx": 1, "r": 2}
    with pytest.raises(FormatError, match=r'a\.jpg1234"\]\.regions\[1\]: The shape is .circle'):
        read("via", circle, sizes=SIZES)
    with pytest.raises(FormatError, match=r"The size of photo 'a\.jpg' is neither in the file nor"):
        read("via", VIA_2)
    point = json.loads(json.dumps(VIA_3))
    point["metadata"]["1_y"]["xy"] = [1, 5, 6]
    with pytest.raises(FormatError, match=r"The shape is \[1, 5, 6\]; expected \[2, x, y, width"):
        read("via", point, sizes=SIZES)
    with pytest.raises(FormatError, match=r"line 2: The cell .* is not JSON"):
        read("via", VIA_2_CSV.splitlines()[0] + "\na.jpg,1,{},1,0,{'name,{}\n", sizes=SIZES)


def labelme(name: str, **shape: Any) -> dict[str, Any]:
    return {
        "version": "5.4.1",
        "flags": {},
        "shapes": [
            {
                "label": "dog",
                "points": [[40.5, 60], [10, 20]],  # any two opposite corners
                "group_id": None,
                "description": "a brown dog",
                "shape_type": "rectangle",
                "flags": {},
            }
            | shape
        ],
        "imagePath": name,
        "imageData": None,
        "imageHeight": 200,
        "imageWidth": 400,
    }


def test_labelme() -> None:
    one = read("labelme", labelme("..\\photos\\a.jpg"), annotator="Ada")
    assert one.photos == (Photo("a.jpg", 400, 200),)
    assert said(one) == [("a.jpg", "Ada", "a brown dog", (10, 20, 40.5, 60))]
    files = {"a.json": labelme("a.jpg"), "b.json": labelme("b.jpg", description="")}
    many = read("labelme", zipped(**files), annotator="Ada")
    assert [words for _, _, words, _ in said(many)] == ["a brown dog", "dog"]
    with pytest.raises(FormatError, match=r"shapes\[0\]: The shape is 'polygon' of 3 points"):
        read("labelme", labelme("a.jpg", shape_type="polygon", points=[[1, 2], [3, 4], [5, 6]]))
    with pytest.raises(FormatError, match=r"b\.json: \$\.imagePath: This key is missing"):
        READERS["labelme"].read(zipped(**{"b.json": {"shapes": []}}))
    with pytest.raises(FormatError, match="the archive: It cannot be read"):
        READERS["labelme"].read(zipped(**files)[:60])


def test_flickr30k_entities_as_published() -> None:
    xml = (
        "<annotation><filename>36979.jpg</filename><size><width>500</width><height>375</height>"
        "<depth>3</depth></size><object><name>7</name><bndbox><xmin>1</xmin><ymin>11</ymin>"
        "<xmax>30</xmax><ymax>40</ymax></bndbox></object><object><name>7</name><bndbox>"
        "<xmin>50</xmin><ymin>11</ymin><xmax>60</xmax><ymax>40</ymax></bndbox></object>"
        "<object><name>9</name><nobndbox>1</nobndbox></object></annotation>"
    )
    text = "[/EN#7/people Two dogs] run over [/EN#9/other grass] .\nNothing here .\n"
    data = zipped(**{"Annotations__36979.xml": xml, "Sentences__36979.txt": text})
    project = read("flickr30k-entities", data, storable=False)
    [photo] = project.photos
    assert (photo.name, photo.width, photo.height) == ("36979.jpg", 500, 375)
    assert photo.sentences == ("Two dogs run over grass .", "Nothing here .")
    [phrase] = photo.phrases  # pixel 1 is from 0 to 1
    assert (phrase.words, phrase.sentence) == ("Two dogs", 0)
    assert phrase.boxes == ((0, 10, 30, 40), (49, 10, 60, 40))
    stored = read("flickr30k-entities", data, annotator="Ada")
    assert [one[3] for one in said(stored)] == [(0, 10, 30, 40), (49, 10, 60, 40)]


def test_annotoriouss_tags() -> None:
    """Annotorious puts a comment and tags side by side; where there are only tags, they are it."""
    comment = {"type": "TextualBody", "purpose": "commenting", "value": "a brown dog"}
    tags = [{"type": "TextualBody", "purpose": "tagging", "value": one} for one in ("dog", "pet")]

    def item(*bodies: Any) -> dict[str, Any]:
        return {
            "@context": "http://www.w3.org/ns/anno.jsonld",
            "type": "Annotation",
            "id": "#a88b22d0",
            "body": list(bodies),
            "target": {
                "source": "http://localhost/a.jpg",
                "selector": {
                    "type": "FragmentSelector",
                    "conformsTo": "http://www.w3.org/TR/media-frags/",
                    "value": "xywh=pixel:10,20,30,40",
                },
            },
        }

    data = [item(comment, *tags), item(*tags)]
    project = read("web-annotation", data, sizes=SIZES, annotator="Ada")
    assert [one[2] for one in said(project)] == ["a brown dog", "dog, pet"]
    with pytest.raises(FormatError, match="There are 2 bodies that are no tags; expected one"):
        read("web-annotation", [item(comment, comment)], sizes=SIZES)


@pytest.mark.parametrize("between", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_of_any_spreadsheet(between: str, encoding: str) -> None:
    header = between.join(("photo", "width", "height", "x0", "y0", "x1", "y1", "snippet", "colour"))
    half = "1,5" if between == ";" else "1.5"
    row = between.join(("a.jpg", "9", "9", half, "2", "3", "4", "größer", "red"))
    project = read("csv", f"{header}\r\n{row}\r\n".encode(encoding), annotator="Ada")
    assert said(project) == [("a.jpg", "Ada", "größer", (1.5, 2, 3, 4))]


def test_what_is_missing_names_what_was_found() -> None:
    with pytest.raises(FormatError, match="no column 'photo'; found: file, left, top, words"):
        READERS["csv"].read(b"file,left,top,words\n")
    with pytest.raises(FormatError, match="This is no format that is known; expected one of jsonl"):
        recognised(b"%PDF-1.7")
    with pytest.raises(FormatError, match="not the UTF-16 text"):
        READERS["csv"].read(b"\xff\xfea")


def test_an_archive_whose_bytes_are_damaged_is_one_sentence() -> None:
    """The first byte of the packed data announces a kind of block that there is none of."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", '{"shapes": []}' * 9)
    data = bytearray(packed.getvalue())
    data[30 + len("a.json")] = 0xFF  # behind the local header of 30 bytes and the name
    with pytest.raises(FormatError, match=r"^the archive: It cannot be read: Error -3"):
        list(files_in(bytes(data), ".json"))
