# docker build -t shopsync . && docker run --env-file .env -p 5000:5000 -v shopsync:/data shopsync
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin shopsync

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /data --create-home shopsync
COPY --from=build /src/target/release/shopsync /usr/local/bin/shopsync
USER shopsync
WORKDIR /data
VOLUME /data
EXPOSE 5000
ENTRYPOINT ["shopsync"]
CMD ["serve"]
