# Both programs, one an image, built from the root of the repository:
#   docker build --build-arg PROGRAM=Heimdall.Api -t heimdall-api .
#   docker build --build-arg PROGRAM=Heimdall.Worker -t heimdall-worker .
ARG PROGRAM=Heimdall.Api

# Builds on the machine's own processor for the one that is asked for.
FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:10.0.401-noble AS build
ARG PROGRAM
ARG TARGETARCH
WORKDIR /src

# What a restore reads comes first: its layer stays cached until a package changes.
COPY global.json Directory.Build.props Directory.Packages.props .editorconfig ./
COPY Heimdall.Core/Heimdall.Core.csproj Heimdall.Core/
COPY Heimdall.Plugins.Postgres/Heimdall.Plugins.Postgres.csproj Heimdall.Plugins.Postgres/
COPY ${PROGRAM}/${PROGRAM}.csproj ${PROGRAM}/
RUN dotnet restore ${PROGRAM} -a ${TARGETARCH}

COPY Heimdall.Core/ Heimdall.Core/
COPY Heimdall.Plugins.Postgres/ Heimdall.Plugins.Postgres/
COPY ${PROGRAM}/ ${PROGRAM}/
RUN dotnet publish ${PROGRAM} --no-restore -c Release -a ${TARGETARCH} --no-self-contained -o /app
# The same name in both images: nothing in the last stage could expand a variable.
RUN ln -s ${PROGRAM} /app/heimdall

# Chiseled: no shell and no package manager. Extra: it has the time zones, which schedules need.
FROM mcr.microsoft.com/dotnet/aspnet:10.0.12-noble-chiseled-extra
COPY --from=build /app /app
USER $APP_UID
ENTRYPOINT ["/app/heimdall"]
CMD ["--config", "/etc/heimdall/heimdall.yaml"]
