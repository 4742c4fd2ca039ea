"""Run inside a container of docker-compose.yaml: simulate a small operator, train its champions, play one night."""

from pipelines import demo
from pipelines.clock import DAY
from pipelines.settings import settings
from pipelines.simulate import simulate
from pipelines.stack import Airflow, dag_ids
from pipelines.stack.environment import USER, load_secrets


def tell(line: str) -> None:
    print(line, flush=True)


made = simulate(subscribers=1000, days=demo.HISTORY_DAYS, nights=1, seed=demo.SEED, report=tell)
settings.cache_clear()  # the home has an estate of its own now
airflow = Airflow("http://127.0.0.1:8080", USER, load_secrets().password)
airflow.wait("every DAG to be parsed", lambda: set(dag_ids()) <= set(airflow.dags()), timeout=300)
for dag_id in airflow.dags():
    airflow.pause(dag_id, paused=False)
night = made.first_night + DAY
demo.load_history(airflow, made.first_night, tell)
demo.train_champions(airflow, made.first_night, tell)
demo.play_nights(airflow, [night], tell)
demo.summary([night], airflow.url)
if not (settings().extracts / f"as_of={night}" / "scores.csv").stat().st_size:
    raise SystemExit(f"the extract of {night} is empty")
