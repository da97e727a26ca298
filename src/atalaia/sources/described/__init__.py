"""Sources that the settings describe: JSON or CSV over HTTP, read as its description says.

What is asked is the settings' affair; how an answer is read stands in the answer's payload itself,
before what was received: what is made of a payload depends on nothing else, however the settings
change.
"""
