"""Documents that come by themselves, from a git repository or a folder.

`places` says what may be followed, `git` and `folder` read it as a `Snapshot`, `planning` decides
what to do about it, `syncing` does that under the fence of a claimed row (`jobs`), and `services`
are what people do with a source.
"""
