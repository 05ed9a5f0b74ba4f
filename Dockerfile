# Dropcue as one image: the screens are built with Node, the service runs on a slim Python, not as root.
# docker build -t dropcue . && docker run -p 8700:8700 -v dropcue:/data dropcue

FROM node:22-bookworm-slim AS screens
WORKDIR /src/roles/console
COPY roles/console/package.json roles/console/package-lock.json roles/console/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY roles/console/ ./
RUN npm run build

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/dropcue
COPY requirements.lock pyproject.toml README.md ./
RUN /opt/dropcue/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY coordinator/ coordinator/
COPY roles/ roles/
COPY replay/ replay/
COPY --from=screens /src/roles/console/dist roles/console/dist
RUN /opt/dropcue/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN useradd --system --create-home --uid 10001 dropcue && mkdir /data && chown dropcue /data
COPY --from=build /opt/dropcue /opt/dropcue
USER 10001
ENV PATH=/opt/dropcue/bin:$PATH DROPCUE_DATA=/data DROPCUE_HOST=0.0.0.0 DROPCUE_PORT=8700
VOLUME /data
EXPOSE 8700
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8700/readyz', timeout=2)"]
ENTRYPOINT ["dropcue"]
CMD ["serve"]
