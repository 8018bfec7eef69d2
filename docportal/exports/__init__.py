"""A collection as files that outlive the portal: every version, the pairs, and who made what when.

    guides/setup.md             each document as it is served, where `ingest` finds it
    guides/setup.md_qa.jsonl    the pairs that may be taught of it, which `ingest` imports
    .versions/SLUG/3.md         its other versions; SLUG is the document's name in addresses
    .versions/SLUG/pairs.jsonl  pairs that wait, were rejected, or whose passage is gone
    manifest.json               documents and versions, and where in here each one lies

What is archived, or has a path that not every folder can hold, lies below `.versions` alone.
"""
