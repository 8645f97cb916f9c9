"""Reads presence documents with a reader that is not ours."""

import xml.etree.ElementTree as ElementTree

PIDF = "{urn:ietf:params:xml:ns:pidf}"


def summary(document):
    """(entity, [(basic, contact, [notes])]) of a PIDF document."""
    root = ElementTree.fromstring(document)
    if root.tag != PIDF + "presence":
        raise AssertionError(f"root element {root.tag}")
    tuples = []
    for each in root.findall(PIDF + "tuple"):
        basic = each.find(f"{PIDF}status/{PIDF}basic")
        tuples.append((basic.text if basic is not None else None,
                       each.findtext(PIDF + "contact"),
                       [note.text for note in each.findall(PIDF + "note")]))
    return root.get("entity"), tuples
