"""Which system answers a file of questions how well, how fast and at what cost.

`questions` reads the file, `asking` asks the product itself, `scoring` and `baselines` judge, and
`report` puts the figures together; `services.run` is the whole flow.
"""
