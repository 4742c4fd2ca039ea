# The image of every Airflow part in docker-compose.yaml. Unproven: it was written beside the live tests, which start
# the same commands with the same environment as plain processes; nobody has built it on every platform.
FROM python:3.11-slim

RUN useradd --create-home --uid 10001 telco
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
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e . \
    && mkdir -p /var/telco && chown telco:telco /var/telco

USER telco
ENV TELCO_HOME=/var/telco PYTHONPATH=/opt/telco
