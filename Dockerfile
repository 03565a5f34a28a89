# rebalance for CPUs:
#   docker build -t rebalance .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" rebalance inspect photos/train
FROM python:3.12-slim AS build
RUN python -m venv /opt/rebalance
ENV PATH=/opt/rebalance/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# hadolint ignore=DL3013
RUN pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu
WORKDIR /source
COPY . .
RUN pip install .

FROM python:3.12-slim
COPY --from=build /opt/rebalance /opt/rebalance
# The user may be told at the start, and then has no folder of its own: the cache is anybody's.
RUN useradd --uid 1000 rebalance && mkdir -m 1777 /cache
ENV PATH=/opt/rebalance/bin:$PATH \
    HOME=/cache MPLCONFIGDIR=/cache/matplotlib NUMBA_CACHE_DIR=/cache/numba \
    REBALANCE_CACHE_DIR=/cache/rebalance
VOLUME /cache
USER 1000:1000
WORKDIR /data
ENTRYPOINT ["rebalance"]
CMD ["--help"]
