# Both programs, one an image, built from the root of the repository:
#   docker build --build-arg PROGRAM=Heimdall.Api -t heimdall-api .
#   docker build --build-arg PROGRAM=Heimdall.Worker -t heimdall-worker .
# The first stage builds both, so that it is the second image's too.
ARG PROGRAM=Heimdall.Api

# Builds on the machine's own processor for the one that is asked for.
FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:10.0.401-noble AS build
ARG TARGETARCH
WORKDIR /src
# Compiled ahead of time too: a program starts in half of the time, and with half of the work.
ENV PublishReadyToRun=true

# What a restore reads comes first: its layer stays cached until a package changes.
COPY global.json Directory.Build.props Directory.Build.targets Directory.Packages.props .editorconfig ./
COPY Heimdall.Core/Heimdall.Core.csproj Heimdall.Core/
COPY Heimdall.Plugins.Postgres/Heimdall.Plugins.Postgres.csproj Heimdall.Plugins.Postgres/
COPY Heimdall.Console/Heimdall.Console.csproj Heimdall.Console/
COPY Heimdall.Api/Heimdall.Api.csproj Heimdall.Api/
COPY Heimdall.Worker/Heimdall.Worker.csproj Heimdall.Worker/
RUN dotnet restore Heimdall.Api -a ${TARGETARCH}
RUN dotnet restore Heimdall.Worker -a ${TARGETARCH}

COPY Heimdall.Core/ Heimdall.Core/
COPY Heimdall.Plugins.Postgres/ Heimdall.Plugins.Postgres/
COPY Heimdall.Console/ Heimdall.Console/
COPY Heimdall.Api/ Heimdall.Api/
COPY Heimdall.Worker/ Heimdall.Worker/
RUN dotnet publish Heimdall.Api --no-restore -c Release -a ${TARGETARCH} --no-self-contained -o /app/Heimdall.Api
RUN dotnet publish Heimdall.Worker --no-restore -c Release -a ${TARGETARCH} --no-self-contained -o /app/Heimdall.Worker
# The licences of what is within the programs go with them.
COPY LICENSE NOTICE ./
RUN cp LICENSE NOTICE /app/Heimdall.Api && cp LICENSE NOTICE /app/Heimdall.Worker
# The same name in both images: nothing in the last stage could expand a variable.
RUN ln -s Heimdall.Api /app/Heimdall.Api/heimdall && ln -s Heimdall.Worker /app/Heimdall.Worker/heimdall

# Chiseled: no shell and no package manager. Extra: it has the time zones, which schedules need.
FROM mcr.microsoft.com/dotnet/aspnet:10.0.12-noble-chiseled-extra
ARG PROGRAM
COPY --from=build /app/${PROGRAM} /app
USER $APP_UID
ENTRYPOINT ["/app/heimdall"]
CMD ["--config", "/etc/heimdall/heimdall.yaml"]
