# The app, or a group's annotation server (compose.yaml): docker build --tag words-and-regions .
FROM python:3.13-slim-bookworm

# git, compilers and the like are not needed: every dependency comes as a built wheel.
WORKDIR /app
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1

# First what changes seldom, so that a change of the code does not install everything again. The build
# sees no NVIDIA driver, so this takes the CPU build of PyTorch; for CUDA: --build-arg TORCH=default.
ARG TORCH=auto
COPY requirements.lock ./
COPY tools/environment.py tools/
RUN python tools/environment.py --torch "$TORCH"

COPY core core
COPY annotate annotate
COPY train train
COPY demo demo
COPY LICENSE WEIGHTS-LICENSE.md README.md ./

# Nobody's files but /data are written to: databases, projects' photos, grounding sets.
RUN useradd --create-home --uid 10001 app && install --directory --owner app /data
USER app
ENV XDG_DATA_HOME=/data
VOLUME /data
EXPOSE 7860

ENTRYPOINT ["/app/.venv/bin/python"]
CMD ["-m", "demo", "--host", "0.0.0.0"]
