"""Atalaia's parts as Lambda functions. Each file is one, thin over `app`; `handlers` names them."""
