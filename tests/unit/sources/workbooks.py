"""The least workbook of Excel that programs open: written by hand, no library needed."""

import datetime as dt
import zipfile

_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def write_workbook(path, sheets):
    """Write sheets: lists of rows of None, bool, int, float, date, datetime and str."""
    count = len(sheets)
    relations = "".join(
        f'<Relationship Id="r{k}" Type="{_OFFICE}/worksheet" Target="worksheets/s{k}.xml"/>'
        for k in range(1, count + 1)
    )
    relations += f'<Relationship Id="r0" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    named = "".join(
        f'<sheet name="{name}" sheetId="{k}" r:id="r{k}"/>' for k, name in enumerate(sheets, 1)
    )
    styles = '<xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/>'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{named}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f"{relations}</Relationships>",
        "xl/styles.xml": f"<styleSheet {_MAIN}><cellXfs>{styles}</cellXfs></styleSheet>",
    }
    for k, rows in enumerate(sheets.values(), 1):
        cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
        parts[f"xl/worksheets/s{k}.xml"] = (
            f"<worksheet {_MAIN}><sheetData>{cells}</sheetData></worksheet>"
        )
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def _cell(value):
    origin = dt.datetime(1899, 12, 30)
    if value is None:
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, dt.datetime):
        return f'<c s="2"><v>{(value - origin).total_seconds() / 86400.0}</v></c>'
    if isinstance(value, dt.date):
        return f'<c s="1"><v>{(value - origin.date()).days}</v></c>'
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>"
