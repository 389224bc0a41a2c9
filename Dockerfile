# docker build -t shopsync . && docker run --env-file .env -p 5000:5000 -v shopsync:/data shopsync
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# Without the feature `demo`: the image contains neither the simulated shop nor the S3 server for demonstrations.
# Cache mounts are not part of the image, so the binary is copied out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package server --bin shopsync --no-default-features \
    && install -D target/release/shopsync /out/shopsync

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /data --create-home shopsync
COPY --from=build /out/shopsync /usr/local/bin/shopsync
USER shopsync
WORKDIR /data
VOLUME /data
# The database is created in /data; set DATABASE_URL to change that. The log is JSON, one object per line.
ENV DATABASE_URL=sqlite:/data/shopsync.db
EXPOSE 5000
ENTRYPOINT ["shopsync"]
CMD ["serve"]
