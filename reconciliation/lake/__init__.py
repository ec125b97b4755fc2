"""The lake's side: the queries, their SQL, and which objects they read."""
