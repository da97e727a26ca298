"""The people who asked to be told: how they ask, agree, change their mind, and are forgotten.

request    what somebody asks for, in words or as a line of a file (`importing`)
subscribe  a request → codes to confirm → a person who is told
registry   who stands behind a pseudonym, and what they change later
consent    the words that they agree to
vault      seals all of it with each person's own key
export, erase, retention    what is kept, on request or no longer
"""
