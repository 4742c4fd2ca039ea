# The image of MLflow's server and of every Airflow part in docker-compose.yaml. Unproven until the job `containers`
# of .github/workflows/ci.yml has built it somewhere: the live tests start the same commands with the same environment
# as plain processes. Pinned by tag; pin it by digest where you have a registry to ask.
FROM python:3.11.13-slim-bookworm

# What is written by the parts lies in volumes; a new volume takes over the owner of the folder it is mounted on.
RUN useradd --create-home --uid 10001 telco \
    && mkdir -p /var/telco /var/mlflow && chown telco:telco /var/telco /var/mlflow && chmod 700 /var/telco /var/mlflow
WORKDIR /opt/telco
COPY requirements.lock pyproject.toml README.md LICENSE NOTICE ./
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY estate.toml ./
COPY pipelines pipelines
COPY expectations expectations
COPY dags dags
COPY plugins plugins
COPY dbt_project dbt_project
COPY feature_repo feature_repo
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e .

USER telco
ENV TELCO_HOME=/var/telco PYTHONPATH=/opt/telco PYTHONDONTWRITEBYTECODE=1
