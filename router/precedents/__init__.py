"""Questions that were answered before, and what their answers tell about a new one.

A pair says by which sentence a question was answered. Where a passage has that sentence again, with
another name or another value in it, it answers the same question about that name, whatever words it
is asked in. So a company's own pairs answer what is new or was changed since a model was trained,
without a model: `leads` and `kinds` find the values that may be meant, `choosing` says which of
them is the answer, and `keeping` has the pairs' questions at hand.
"""
