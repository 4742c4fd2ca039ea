"""The floor: one night by hand in DuckDB, XGBoost and NumPy, to know what a night must cost at the least.

    python benchmarks/floor.py --home /data/bench/20000x225 --as-of 2026-06-15 --out /data/floor

From the Parquet files below raw/ of a home to features of one as_of, scores of the champions in force with exact
reasons for everyone, the extract, and a table in which a care desk looks callers up. No dbt, Feast, MLflow, Airflow
or Great Expectations, no test of the data, no manifest of what is written. From `pipelines` come the tables of SHAP
values, the loop that adds them up, and the words: who writes by hand would write these alike.

What it leaves out because every simulated house has it so: feeds that are not delivered, regions that may not be
processed, a correction that is empty, numbers that come back after a port-out, text that a spreadsheet would run.

The last line on stdout is JSON: rows, and wall and CPU seconds by lap. floor_equal.py compares it with what the night
made.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import duckdb  # noqa: E402
import pyarrow as pa  # noqa: E402
from costs import Laps  # noqa: E402

FEEDS = (
    "billing_alpha.accounts", "billing_alpha.subscriptions", "billing_alpha.products", "billing_alpha.invoices",
    "billing_alpha.payments", "billing_bravo.subscribers", "billing_bravo.plans", "billing_bravo.bills",
    "billing_bravo.payments", "network.usage_daily", "network.number_events", "pm.ericsson", "pm.nokia", "pm.huawei",
    "pm.samsung", "care.interactions", "care.complaints", "governance.consents",
)
CELL_FACTS = ("kept", "mbps", "ms", "served", "has_kept", "has_mbps", "has_ms", "has_served", "bad")
FLAGS = ("voice", "multiple_lines", "mobile_data", "online_security", "online_backup", "device_protection",
         "tech_support", "streaming_tv", "streaming_movies")
BRAVO_PRODUCTS = {"VOX": "voice", "XL": "multiple_lines", "DATA": "mobile_data", "NET-C": "internet_dsl",
                  "NET-F": "internet_fiber", "SEC": "online_security", "BAK": "online_backup",
                  "DEV": "device_protection", "SUP": "tech_support", "TV": "streaming_tv", "MOV": "streaming_movies"}
DESK = ("subscriber_id", "churn_probability", "churn_decile", "churn_reasons", "churn_version", "ltv_eur_12m",
        "ltv_version", "expires_at", "tenure_days", "contract_type", "price_eur", "days_to_contract_end")


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="a TELCO_HOME with raw/ landed and champions in force")
    parser.add_argument("--as-of", type=date.fromisoformat, required=True, help="the night")
    parser.add_argument("--out", type=Path, required=True, help="folder of what is written")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: one per core")
    parser.add_argument("--memory-limit", default="", help="of DuckDB, for example 4GB (default: DuckDB's own)")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options, laps = arguments(words), Laps()
    options.out.mkdir(parents=True, exist_ok=True)
    limits = {"memory_limit": options.memory_limit} if options.memory_limit else {}
    with duckdb.connect(config={"threads": str(options.threads), **limits}) as connection:
        features(connection, options.home, options.as_of, options.out)
        laps.lap("features")
        rows = scores(connection, options, laps)
        desk(connection, options.out)
        laps.lap("desk")
    print(json.dumps({"rows": rows, "laps": laps.found}))
    return 0


def features(connection: Any, home: Path, as_of: date, out: Path) -> None:
    """The table `features` of everyone active, also as Parquet."""
    for feed in FEEDS:
        connection.execute(f"create view {feed.replace('.', '__')} as {known(home, feed, as_of)}")
    rates = tomllib.loads((home / "estate.toml").read_text())["cost_rates"]
    connection.execute("create table cost_rates (product_code varchar, rate_house decimal(18, 4))")
    connection.executemany("insert into cost_rates values (?, ?)",
                           [(code, cents / 100) for code, cents in rates.items()])
    words = " ".join(f"when '{code}' then '{product}'" for code, product in BRAVO_PRODUCTS.items())
    connection.execute(f"create macro bravo_product(code) as case code {words} end")
    met = [" + ".join(f"w{n} * coalesce(c{n}.{fact}, 0)" for n in (1, 2, 3)) + f" as {fact}" for fact in CELL_FACTS]
    sql = (ROOT / "benchmarks/floor_features.sql").read_text()
    for name, value in {
        ":as_of": f"date '{as_of}'",
        ":cell_columns": ", ".join([*met, "w1 + w2 + w3 as met"]),
        ":cell_sums": ", ".join(f"sum({fact}) as {fact}" for fact in (*CELL_FACTS, "met")),
        ":product_flags": ", ".join(f"count(*) filter (where code = '{flag}') > 0 as has_{flag}" for flag in FLAGS),
    }.items():
        sql = sql.replace(name, value)
    connection.execute(sql)
    connection.execute(f"copy features to '{out}/features.parquet' (compression zstd)")


def known(home: Path, feed: str, as_of: date) -> str:
    """The rows of a feed that are known as the day begins: of each drop the newest version known by then."""
    folder = home / "raw" / feed.replace(".", "/")
    versions: dict[Path, list[int]] = {}
    for manifest in [folder / "manifest.jsonl", *folder.glob("from=*/manifest.jsonl")]:
        for entry in map(json.loads, manifest.read_text().splitlines()):
            if entry["state"] == "committed":
                drops = sorted((drop["version"], drop["known_on"]) for drop in entry["inputs"]["drops"])
                versions[manifest.parent / f"dt={entry['key']['dt']}" / "data.parquet"] = [
                    number for number, since in drops if since <= as_of.isoformat()] + [0] * (len(drops) > 1)
    files = [str(path) for path, numbers in versions.items() if max(numbers, default=0) > 0]
    replaced = [f"(dt = '{path.parent.name[3:]}' and drop_version != {max(numbers)})"
                for path, numbers in versions.items() if 0 in numbers and max(numbers) > 0]
    told = f" and not ({' or '.join(replaced)})" if replaced else ""
    read = f"read_parquet({files}, hive_partitioning = false)" if files else f"'{folder}/schema/data.parquet'"
    return f"select * from {read} where known_on <= date '{as_of}'{told}"


def scores(connection: Any, options: argparse.Namespace, laps: Laps) -> int:
    """Both models of everyone who agreed, as Parquet, then the extract. Returns the rows."""
    from floor_models import champion, classified, lifetime_values, matrix_of
    from floor_words import classifier_table, value_table

    connection.execute("create view people as select * from features where may_be_scored")
    expires = options.as_of + timedelta(days=3)
    models = {name: champion(options.home, name, options.as_of, options.threads) for name in ("churn", "ltv")}
    churn, ltv = models["churn"], models["ltv"]
    if churn is None or ltv is None:
        raise SystemExit(f"{options.home}: no champion of {[name for name, one in models.items() if one is None]}")
    matrix = matrix_of(connection, churn)
    laps.lap("matrix")
    found = classified(churn, matrix, options.threads)
    laps.lap("churn")
    stamped = f"date '{options.as_of}' as as_of, timestamp '{expires}' as expires_at"
    connection.register("churn_found", pa.table(found))
    connection.execute(classifier_table(connection, churn, stamped))
    laps.lap("words")
    if (ltv.columns, ltv.facts["categories"]) != (churn.columns, churn.facts["categories"]):
        matrix = matrix_of(connection, ltv)
    (valued,) = connection.execute("select margin_eur_30d is not null as is_valued from people").fetchnumpy().values()
    everybody = bool(valued.all())
    rows = matrix if everybody else matrix[valued]
    values = lifetime_values(ltv, rows, found["probability"][valued], options.threads)
    laps.lap("ltv")
    connection.execute(value_table(connection, ltv, values, stamped))
    for name in ("churn", "ltv"):
        connection.execute(f"copy {name}_scores to '{options.out}/{name}.parquet' (compression zstd)")
    connection.execute(f"copy ({EXTRACT}) to '{options.out}/scores.csv' (header)")
    laps.lap("write")
    return len(matrix)


REASONS = ("reason_1", "reason_2", "reason_3")
TOLD = {"churn": (*REASONS, *(f"{name}_theme" for name in REASONS)), "ltv": REASONS}
EXTRACT = """
    select people.subscriber_id, churn_scores.as_of, people.operator, people.region, people.segment,
           churn_probability, decile as churn_decile, {churn}, {acts}, churn_scores.model_version as churn_version,
           churn_scores.expires_at as churn_expires_at, ltv_eur_12m, ltv_low_eur_12m, ltv_high_eur_12m,
           margin_eur_month, survival_12m, {ltv}, ltv_scores.model_version as ltv_version,
           ltv_scores.expires_at as ltv_expires_at
    from people
    inner join churn_scores using (subscriber_id)
    left join ltv_scores using (subscriber_id)
""".format(acts=", ".join(f"if({name}_actionable, 'yes', 'no') as churn_{name}_actionable" for name in REASONS),
           **{model: ", ".join(f"{model}_scores.{name} as {model}_{name}" for name in names)
              for model, names in TOLD.items()})


def desk(connection: Any, out: Path) -> None:
    """One row per subscriber in a SQLite file, by subscriber_id."""
    reasons = ", ".join(f"churn_scores.reason_{n} || if(reason_{n}_actionable, ' (can be acted on)', '')"
                        for n in (1, 2, 3))
    query = connection.execute(f"""
        select subscriber_id, churn_probability, decile, concat_ws('; ', {reasons}), churn_scores.model_version,
               ltv_eur_12m, ltv_scores.model_version, cast(churn_scores.expires_at as varchar), tenure_days,
               contract_type, price_eur, days_to_contract_end
        from features
        left join churn_scores using (subscriber_id)
        left join ltv_scores using (subscriber_id)
    """)
    path = out / "desk.db"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as store:
        store.execute(f"create table desk ({', '.join(DESK)}, primary key (subscriber_id)) without rowid")
        while rows := query.fetchmany(50_000):
            store.executemany(f"insert into desk values ({', '.join('?' * len(DESK))})", rows)


if __name__ == "__main__":
    sys.exit(main())
