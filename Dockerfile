# Two stages: the first builds an environment from the hashed lock, the second holds nothing else.
# As it stands the image runs the demo; give it another command for more.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV UV_PYTHON_DOWNLOADS=never \
    UV_SYSTEM_CERTS=1 \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_CACHE_DIR=/tmp/uv
WORKDIR /src
COPY requirements-tools.lock requirements.lock ./
# the dependencies change seldom: their layers come before the source
RUN python3 -m venv /tools \
    && /tools/bin/python -m pip install --quiet --no-cache-dir --require-hashes -r requirements-tools.lock \
    && /tools/bin/uv venv --quiet --python python3 /app \
    && /tools/bin/uv pip sync --quiet --python /app/bin/python --require-hashes requirements.lock
COPY pyproject.toml LICENSE README.md ./
COPY migrations ./migrations
COPY src ./src
# hatchling is in the tools, so the build fetches nothing; a wheel, not an editable install
RUN PATH=/tools/bin:$PATH /tools/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /tools/bin/uv pip install --quiet --python /app/bin/python --no-deps --no-index /wheels/*.whl

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="counterpoise" \
      org.opencontainers.image.description="Keeps a crypto portfolio at its target risk by moving futures, not coins." \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
RUN groupadd --gid 10001 counterpoise \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin counterpoise \
    && install -d -o 10001 -g 10001 -m 0750 /data
COPY --from=build /app /app
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
# the daemon places no new order after it and ends within 20 s
STOPSIGNAL SIGTERM
ENTRYPOINT ["counterpoise"]
CMD ["demo"]
