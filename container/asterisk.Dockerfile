# An Asterisk beside agi-server, to try both (see compose.yaml): the sample's dialplan, and no trunk and no phone yet.
# Mount a pjsip.conf of your own over /etc/asterisk/pjsip.conf for those.

FROM debian:sid-slim
# Debian keeps one version of a package.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends asterisk \
    && rm -rf /var/lib/apt/lists/*
COPY asterisk/extensions_custom.conf.sample /etc/asterisk/extensions.conf
RUN sed -i 's,agi://127.0.0.1:4573/,agi://agi-server:4573/,' /etc/asterisk/extensions.conf
EXPOSE 5060/udp
ENTRYPOINT ["asterisk", "-f", "-n", "-U", "asterisk", "-G", "asterisk"]
