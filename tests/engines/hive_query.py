"""Runs a query on Spark's Hive, with Hive's own reader of Parquet. It runs in `.venv-spark`.

    python hive_query.py FILE    # {"folder": ..., "statements": [...], "query": ...}, all by Hive's rules

The last line that it prints is a JSON list: the types of the columns, and the rows with values as text.
"""

import json
import sys
from pathlib import Path

from pyspark.sql import SparkSession  # type: ignore[import-not-found]  # of another environment


def main(file: str) -> None:
    """Run the statements, then the query."""
    given = json.loads(Path(file).read_text(encoding="utf-8"))
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.hive.convertMetastoreParquet": "false",
        "spark.sql.warehouse.dir": f"{given['folder']}/warehouse",
        "spark.driver.extraJavaOptions": f"-Duser.timezone=UTC -Dderby.system.home={given['folder']}",
    }
    spark = SparkSession.builder.master("local[1]").config(map=settings).enableHiveSupport().getOrCreate()
    for statement in given["statements"]:
        spark.sql(statement)
    found = spark.sql(given["query"])
    rows = [[None if value is None else str(value) for value in row] for row in found.collect()]
    print(json.dumps([[kind for _, kind in found.dtypes], rows]))


if __name__ == "__main__":
    main(sys.argv[1])
