"""What a request asks of the database."""


def asked(context) -> list[str]:
    """The statements, without the look at the configuration's version, which comes twice a second."""
    return [query["sql"] for query in context if "core_configurationversion" not in query["sql"]]
