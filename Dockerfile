# agi-server in an image: configured by the environment (see container/agi-server.yaml) or by a file of your
# own, mounted over /etc/agi-server/agi-server.yaml. Only /var/lib/agi-server is written to.

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY constraints.txt ./
RUN python3 -m venv /opt/agi-server
COPY MANIFEST.in README.md pyproject.toml ./
COPY agi_server agi_server
COPY asterisk asterisk
COPY config config
RUN /opt/agi-server/bin/pip install --no-cache-dir --disable-pip-version-check \
        --constraint constraints.txt '.[postgresql,uvloop]' \
    && /opt/agi-server/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="agi-server" \
      org.opencontainers.image.description="FastAGI server between Asterisk and OTRS/Znuny: a HelpDesk call is a ticket before the operator's phone rings"
RUN install --directory --mode=0700 --owner=65532 --group=65532 /var/lib/agi-server
COPY --from=build /opt/agi-server /opt/agi-server
COPY container/agi-server.yaml /etc/agi-server/agi-server.yaml

# What container/agi-server.yaml takes from the environment, and what need not be given: the token is empty.
# hadolint ignore=DL3064
ENV PATH=/opt/agi-server/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FASTAGI_PATIENCE=2.5 \
    NUMBERS_COUNTRY=RU \
    NUMBERS_AREA_CODE= \
    OTRS_USER=agi-server \
    OTRS_CALL_FIELD=AsteriskUniqueID \
    OTRS_ZOOM_URL= \
    TICKET_QUEUE=Raw \
    TICKET_UNKNOWN_CUSTOMER=unknown-caller \
    TICKET_TIME_ZONE= \
    WEB_HOST=127.0.0.1 \
    WEB_TOKEN= \
    LOG_LEVEL=info \
    LOG_FORMAT=json \
    LOG_MASK_NUMBERS=false

USER 65532:65532
VOLUME /var/lib/agi-server
EXPOSE 4573 8573
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["agi-server", "health"]
ENTRYPOINT ["agi-server"]
CMD ["run"]
