// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// production makes the smallest manifest one of Production.
var production = []string{"spec.profile=Production", "spec.exposure.host=chat.example.com"}

func prod(lines ...string) []string { return append(append([]string{}, production...), lines...) }

func many(count int, form string) string {
	var parts []string
	for i := range count {
		parts = append(parts, fmt.Sprintf(form, i))
	}
	return strings.Join(parts, ", ")
}

func lines(text ...string) []string { return text }

func TestGoodManifests(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][]string{
		"the smallest":                        nil,
		"the smallest of Production":          production,
		"the longest name":                    lines("metadata.name=a" + strings.Repeat("b", 33)),
		"a version with everything":           lines("spec.version=1.2.3-rc.1+build.5"),
		"one gateway in Development":          lines("spec.services.gateway.replicas=1"),
		"200 replicas":                        lines("spec.services.message.replicas=200"),
		"a repository with a port":            lines("spec.image.repository=localhost:5000/parley"),
		"a digest":                            lines("spec.image={repository: r.example.com/parley, digest: 'sha256:" + strings.Repeat("0a", 32) + "'}"),
		"a load balancer":                     lines("spec.exposure={serviceType: LoadBalancer, annotations: {service.beta.kubernetes.io/aws-load-balancer-type: nlb}}"),
		"origins":                             lines("spec.exposure.allowedOrigins=['https://a.example.com', 'http://localhost:5173']"),
		"proxies":                             lines("spec.exposure.trustedProxies=[10.0.0.0/8, 'fd00::/8']"),
		"labels and annotations of our own":   lines("spec.podTemplate={labels: {team: chat}, annotations: {example.com/x: z}}"),
		"the annotation of the autoscaler":    lines("spec.podTemplate.annotations={cluster-autoscaler.kubernetes.io/safe-to-evict: 'true'}"),
		"an environment variable":             lines("spec.podTemplate.env=[{name: TZ, value: UTC}]"),
		"a toleration":                        lines("spec.podTemplate.tolerations=[{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 5}]"),
		"resources":                           lines("spec.services.message.resources={requests: {cpu: '1', memory: 1Gi}, limits: {memory: 1Gi}}"),
		"autoscaling":                         lines("spec.services.transmit.autoscaling={minReplicas: 2, maxReplicas: 6}"),
		"autoscaling of gateways":             prod("spec.services.gateway.autoscaling={minReplicas: 2, maxReplicas: 6, sessionsPerPod: 5000}"),
		"the smallest drain":                  lines("spec.services.gateway={maxSessionsPerPod: 100, drain: {sessionsPerSecond: 100, timeout: 30s, initialDelay: 0s, reconnectJitter: 1s, reconnectDeadline: 5s}}"),
		"a binding":                           lines("spec.dependencies.rabbitmq={bindingRef: {apiVersion: rabbitmq.com/v1beta1, kind: RabbitmqCluster, name: mq}, vhost: acme, tls: VerifyCA}"),
		"foreign keys of a Secret":            lines("spec.dependencies.mysql={secretRef: {name: m, keys: {password: MYSQL_PASSWORD}}, databasePrefix: acme}"),
		"a search index":                      lines("spec.dependencies.elasticsearch={secretRef: {name: e}, indexReplicas: 0}"),
		"an object store":                     lines("spec.dependencies.objectStore={secretRef: {name: s}, bucket: acme-parley, publicEndpoint: 'https://s3.example.com'}"),
		"codes in the log, in Development":    lines("spec.dependencies.sms={provider: Log}"),
		"codes by Twilio":                     prod("spec.dependencies.sms={provider: Twilio, secretRef: {name: t}, twilio: {from: '+15551234567'}, allowedCountries: [CN, SG]}"),
		"codes by a webhook":                  prod("spec.dependencies.sms={provider: Webhook, secretRef: {name: w}}"),
		"speech offline":                      lines("spec.dependencies.speech={provider: PocketSphinx}"),
		"speech with a key":                   lines("spec.dependencies.speech={provider: OpenAI, secretRef: {name: o}, openAI: {baseURL: 'http://whisper:8000', language: en}, maxDuration: 5s}"),
		"tls switched off in Production":      prod("spec.dependencies.mysql.tls=Disabled"),
		"own keys, foreign accounts":          lines("spec.keys={name: my-keys}", "spec.serviceAccounts={create: false}"),
		"a slower upgrade":                    lines("spec.upgrade={progressDeadline: 30m, migration: {timeout: 2h, backoffLimit: 0}}"),
		"file limits":                         lines("spec.services.file={maxFileSize: 200Mi, maxImageSize: 1Mi, quotaPerUserPerDay: 2Gi}"),
		"null where a field may be absent":    lines("spec.exposure=null", "spec.services=null"),
		"what Kubernetes adds to an object":   lines("metadata={name: demo, uid: x, generation: 3, creationTimestamp: '2026-01-31T12:00:00Z', labels: {a: b}}", "status={observedGeneration: 2}"),
		"one replica of all in Development":   lines("spec.services={gateway: {replicas: 1}, user: {replicas: 1}, friend: {replicas: 1}, message: {replicas: 1}, transmit: {replicas: 1}}"),
		"every level of the log":              lines("spec.logLevel=debug"),
		"an annotation of accounts elsewhere": lines("spec.serviceAccounts.annotations={example.com/role: chat}"),
	} {
		cluster, err := chatv1alpha1.Decode([]byte(with(t, change...)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if found := cluster.Validate(); len(found) != 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
}

func TestBadManifests(t *testing.T) {
	t.Parallel()
	const (
		gateway = "spec.services.gateway"
		drain   = gateway + ".drain"
		sms     = "spec.dependencies.sms"
		speech  = "spec.dependencies.speech"
		mysql   = "spec.dependencies.mysql"
		pod     = "spec.podTemplate"
	)
	for name, row := range map[string]struct {
		change []string
		want   []string // paths, in order
	}{
		"C1 no name":                             {lines("metadata="), lines("metadata.name")},
		"C1 a name of 35":                        {lines("metadata.name=" + strings.Repeat("a", 35)), lines("metadata.name")},
		"C1 a name in upper case":                {lines("metadata.name=Demo"), lines("metadata.name")},
		"C1 a name with a digit in front":        {lines("metadata.name='1a'"), lines("metadata.name")},
		"C1 a name with a dash at the end":       {lines("metadata.name=a-"), lines("metadata.name")},
		"no version":                             {lines("spec.version="), lines("spec.version")},
		"a version with v":                       {lines("spec.version=v0.1.0"), lines("spec.version")},
		"a version of two numbers":               {lines("spec.version='0.1'"), lines("spec.version")},
		"a version of 65":                        {lines("spec.version='1.2.3-" + strings.Repeat("a", 60) + "'"), lines("spec.version")},
		"a profile that is none":                 {lines("spec.profile=Staging"), lines("spec.profile")},
		"a level that is none":                   {lines("spec.logLevel=trace"), lines("spec.logLevel")},
		"a repository with a tag":                {lines("spec.image.repository=r.example.com/parley:1"), lines("spec.image.repository")},
		"a short digest":                         {lines("spec.image.digest='sha256:00'"), lines("spec.image.digest")},
		"a pull policy that is none":             {lines("spec.image.pullPolicy=Often"), lines("spec.image.pullPolicy")},
		"nine pull secrets":                      {lines("spec.image.pullSecrets=[" + many(9, "{name: s%d}") + "]"), lines("spec.image.pullSecrets")},
		"C2 one gateway in Production":           {prod(gateway + ".replicas=1"), lines(gateway + ".replicas")},
		"C2 autoscaling from one in Production":  {prod(gateway + ".autoscaling={minReplicas: 1, maxReplicas: 3}"), lines(gateway + ".autoscaling.minReplicas")},
		"C3 no host in Production":               {lines("spec.profile=Production"), lines("spec.exposure.host")},
		"C3 Production is the default":           {lines("spec.profile="), lines("spec.exposure.host")},
		"a host with a scheme":                   {lines("spec.exposure.host='https://chat.example.com'"), lines("spec.exposure.host")},
		"a host in upper case":                   {lines("spec.exposure.host=Chat.example.com"), lines("spec.exposure.host")},
		"files on the same host":                 {lines("spec.exposure={host: a.example.com, filesHost: a.example.com}"), lines("spec.exposure.filesHost")},
		"a service type that is none":            {lines("spec.exposure.serviceType=ExternalName"), lines("spec.exposure.serviceType")},
		"C4 codes in the log in Production":      {prod(sms + "={provider: Log}"), lines(sms + ".provider")},
		"C5 a drain that cannot end":             {lines(gateway + ".maxSessionsPerPod=200000"), lines(drain)},
		"C5 a rate that is too low":              {lines(drain + ".sessionsPerSecond=10"), lines(drain)},
		"C8 no time between delay and timeout":   {lines(drain + "={initialDelay: 4m, reconnectDeadline: 1m}"), lines(drain + ".timeout")},
		"C8 a timeout of 29s":                    {lines(gateway+".maxSessionsPerPod=100", drain+"={timeout: 29s, initialDelay: 1s, reconnectDeadline: 5s, reconnectJitter: 1s}"), lines(drain + ".timeout")},
		"C8 a timeout of 61m":                    {lines(drain + ".timeout=61m"), lines(drain + ".timeout")},
		"C8 jitter up to the deadline":           {lines(drain + ".reconnectJitter=1m"), lines(drain + ".reconnectJitter")},
		"a duration that is none":                {lines(drain + ".timeout=5 minutes"), lines(drain + ".timeout")},
		"a duration past all bounds":             {lines(drain + ".initialDelay=9999999999h"), lines(drain + ".initialDelay")},
		"a rate of 0":                            {lines(drain + ".sessionsPerSecond=0"), lines(drain+".sessionsPerSecond", drain)},
		"99 sessions":                            {lines(gateway + ".maxSessionsPerPod=99"), lines(gateway + ".maxSessionsPerPod")},
		"C9 more at least than at most":          {lines("spec.services.user.autoscaling={minReplicas: 3, maxReplicas: 2}"), lines("spec.services.user.autoscaling.maxReplicas")},
		"CPU as the measure of gateways":         {lines(gateway + ".autoscaling={maxReplicas: 3, targetCPUPercent: 50}"), lines(gateway + ".autoscaling.targetCPUPercent")},
		"sessions as the measure of others":      {lines("spec.services.user.autoscaling={maxReplicas: 3, sessionsPerPod: 5}"), lines("spec.services.user.autoscaling.sessionsPerPod")},
		"0 replicas":                             {lines("spec.services.user.replicas=0"), lines("spec.services.user.replicas")},
		"201 replicas":                           {lines("spec.services.friend.replicas=201"), lines("spec.services.friend.replicas")},
		"a request above its limit":              {lines("spec.services.user.resources={requests: {memory: 2Gi}, limits: {memory: 1Gi}}"), lines("spec.services.user.resources.limits.memory")},
		"an amount of 0":                         {lines("spec.services.user.resources.requests={cpu: 0}"), lines("spec.services.user.resources.requests.cpu")},
		"an amount below 0":                      {lines("spec.services.user.resources.requests={cpu: -1}"), lines("spec.services.user.resources.requests.cpu")},
		"an amount of 1e30":                      {lines("spec.services.user.resources.requests={memory: 1e30}"), lines("spec.services.user.resources.requests.memory")},
		"a resource that is none":                {lines("spec.services.user.resources.requests={gpu: 1}"), lines("spec.services.user.resources.requests")},
		"files without size":                     {lines("spec.services.file.maxFileSize=0"), lines("spec.services.file.maxFileSize")},
		"no database":                            {lines(mysql + "="), lines(mysql)},
		"no broker":                              {lines("spec.dependencies.rabbitmq="), lines("spec.dependencies.rabbitmq")},
		"no dependencies at all":                 {lines("spec.dependencies="), lines(mysql, "spec.dependencies.rabbitmq")},
		"C10 no source":                          {lines(mysql + "={}"), lines(mysql)},
		"C10 two sources":                        {lines(mysql + "={secretRef: {name: a}, bindingRef: {apiVersion: a/v1, kind: K, name: b}}"), lines(mysql)},
		"a binding without kind":                 {lines(mysql + "={bindingRef: {apiVersion: a/v1, kind: '', name: b}}"), lines(mysql + ".bindingRef.kind")},
		"a Secret with a bad name":               {lines(mysql + ".secretRef.name=My_Secret"), lines(mysql + ".secretRef.name")},
		"a TLS mode that is none":                {lines(mysql + ".tls=None"), lines(mysql + ".tls")},
		"a prefix with a dash":                   {lines(mysql + ".databasePrefix=a-b"), lines(mysql + ".databasePrefix")},
		"a prefix of 25":                         {lines(mysql + ".databasePrefix=" + strings.Repeat("a", 25)), lines(mysql + ".databasePrefix")},
		"one connection":                         {lines(mysql + ".maxOpenConnsPerPod=1"), lines(mysql + ".maxOpenConnsPerPod")},
		"a vhost of 128":                         {lines("spec.dependencies.rabbitmq.vhost=" + strings.Repeat("v", 128)), lines("spec.dependencies.rabbitmq.vhost")},
		"a vhost with a line break":              {lines(`spec.dependencies.rabbitmq.vhost="a\nb"`), lines("spec.dependencies.rabbitmq.vhost")},
		"six copies of an index":                 {lines("spec.dependencies.elasticsearch={secretRef: {name: e}, indexReplicas: 6}"), lines("spec.dependencies.elasticsearch.indexReplicas")},
		"a bucket in upper case":                 {lines("spec.dependencies.objectStore={secretRef: {name: s}, bucket: Files}"), lines("spec.dependencies.objectStore.bucket")},
		"an endpoint with a password":            {lines("spec.dependencies.objectStore={secretRef: {name: s}, publicEndpoint: 'https://a:b@c'}"), lines("spec.dependencies.objectStore.publicEndpoint")},
		"C12 a provider that is none":            {lines(sms + "={provider: Pigeon, secretRef: {name: p}}"), lines(sms + ".provider")},
		"C12 Aliyun without its block":           {lines(sms + "={provider: Aliyun, secretRef: {name: a}}"), lines(sms + ".aliyun")},
		"C12 a block of another provider":        {lines(sms + "={provider: Log, twilio: {from: '+15551234567'}}"), lines(sms + ".twilio")},
		"C12 Twilio with both senders":           {lines(sms + "={provider: Twilio, secretRef: {name: t}, twilio: {from: '+15551234567', messagingServiceSID: M}}"), lines(sms + ".twilio")},
		"C12 Twilio without a sender":            {lines(sms + "={provider: Twilio, secretRef: {name: t}, twilio: {}}"), lines(sms + ".twilio")},
		"C12 a provider without its Secret":      {lines(sms + "={provider: Webhook}"), lines(sms + ".secretRef")},
		"C12 a Secret for the log":               {lines(sms + "={provider: Log, secretRef: {name: l}}"), lines(sms + ".secretRef")},
		"a country in lower case":                {lines(sms + "={provider: Log, allowedCountries: [cn]}"), lines(sms + ".allowedCountries[0]")},
		"a country twice":                        {lines(sms + "={provider: Log, allowedCountries: [CN, CN]}"), lines(sms + ".allowedCountries[1]")},
		"no budget":                              {lines(sms + "={provider: Log, dailyBudget: 0}"), lines(sms + ".dailyBudget")},
		"C12 Baidu without its Secret":           {lines(speech + "={provider: Baidu}"), lines(speech + ".secretRef")},
		"C12 OpenAI without its block":           {lines(speech + "={provider: OpenAI}"), lines(speech + ".openAI")},
		"C12 PocketSphinx with a block":          {lines(speech + "={provider: PocketSphinx, openAI: {baseURL: 'http://x'}}"), lines(speech + ".openAI")},
		"voice of 6 minutes":                     {lines(speech + "={provider: PocketSphinx, maxDuration: 6m}"), lines(speech + ".maxDuration")},
		"a speech server without a scheme":       {lines(speech + "={provider: OpenAI, openAI: {baseURL: whisper}}"), lines(speech + ".openAI.baseURL")},
		"C13 a label of Kubernetes":              {lines(pod + ".labels={app.kubernetes.io/name: x}"), lines(pod + ".labels")},
		"C13 a label of ours":                    {lines(pod + ".labels={chat.parley.dev/x: x}"), lines(pod + ".labels")},
		"C13 an annotation of ours":              {lines(pod + ".annotations={chat.parley.dev/restart: x}"), lines(pod + ".annotations")},
		"C13 an annotation of Kubernetes":        {lines(pod + ".annotations={container.apparmor.security.beta.kubernetes.io/x: unconfined}"), lines(pod + ".annotations")},
		"C13 a snippet":                          {lines("spec.exposure.annotations={nginx.ingress.kubernetes.io/server-snippet: x}"), lines("spec.exposure.annotations")},
		"C13 an annotation of ours, of the door": {lines("spec.exposure.annotations={chat.parley.dev/x: x}"), lines("spec.exposure.annotations")},
		"33 labels":                              {lines(pod + ".labels={" + many(33, "l%d: x") + "}"), lines(pod + ".labels")},
		"a label's value of 64":                  {lines(pod + ".labels={a: " + strings.Repeat("x", 64) + "}"), lines(pod + ".labels")},
		"C14 LD_PRELOAD":                         {lines(pod + ".env=[{name: LD_PRELOAD, value: x}]"), lines(pod + ".env[0].name")},
		"C14 a variable of ours":                 {lines(pod + ".env=[{name: A}, {name: PARLEY_KEYS_DIR, value: x}]"), lines(pod + ".env[1].name")},
		"C14 a proxy, in any case":               {lines(pod + ".env=[{name: https_Proxy, value: x}]"), lines(pod + ".env[0].name")},
		"C14 GODEBUG":                            {lines(pod + ".env=[{name: GODEBUG, value: x}]"), lines(pod + ".env[0].name")},
		"C14 other certificates":                 {lines(pod + ".env=[{name: SSL_CERT_FILE, value: x}]"), lines(pod + ".env[0].name")},
		"a variable twice":                       {lines(pod + ".env=[{name: A}, {name: A}]"), lines(pod + ".env[1].name")},
		"a variable with a blank":                {lines(pod + ".env=[{name: 'A B'}]"), lines(pod + ".env[0].name")},
		"a variable of one component":            {lines("spec.services.user.podTemplate.env=[{name: PATH}]"), lines("spec.services.user.podTemplate.env[0].name")},
		"a toleration without key":               {lines(pod + ".tolerations=[{effect: NoSchedule}]"), lines(pod + ".tolerations[0].key")},
		"C15 a key with a slash":                 {lines(mysql + ".secretRef.keys={password: a/b}"), lines(mysql + ".secretRef.keys")},
		"C15 an entry in upper case":             {lines(mysql + ".secretRef.keys={PASSWORD: a}"), lines(mysql + ".secretRef.keys")},
		"C15 a proxy that is no network":         {lines("spec.exposure.trustedProxies=[10.0.0.1]"), lines("spec.exposure.trustedProxies[0]")},
		"an origin with a path":                  {lines("spec.exposure.allowedOrigins=['https://a.example.com/']"), lines("spec.exposure.allowedOrigins[0]")},
		"any origin":                             {lines("spec.exposure.allowedOrigins=['*']"), lines("spec.exposure.allowedOrigins[0]")},
		"any origin of a domain":                 {lines("spec.exposure.allowedOrigins=['https://*.example.com']"), lines("spec.exposure.allowedOrigins[0]")},
		"an origin with the usual port":          {lines("spec.exposure.allowedOrigins=['https://a.example.com:443']"), lines("spec.exposure.allowedOrigins[0]")},
		"a deadline of 59s":                      {lines("spec.upgrade.progressDeadline=59s"), lines("spec.upgrade.progressDeadline")},
		"eleven tries":                           {lines("spec.upgrade.migration.backoffLimit=11"), lines("spec.upgrade.migration.backoffLimit")},
		"everything wrong is told at once": {
			lines("metadata.name=X", "spec.version=x", "spec.services.user.replicas=0", mysql+"={}"),
			lines("metadata.name", "spec.version", "spec.services.user.replicas", mysql),
		},
	} {
		cluster, err := chatv1alpha1.Decode([]byte(with(t, row.change...)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, problem := range cluster.Validate() {
			got = append(got, problem.Path)
			if problem.Message == "" || strings.ContainsAny(problem.Error(), "\n") {
				t.Errorf("%s: message %q", name, problem.Message)
			}
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAMessageHoldsNoValue(t *testing.T) {
	t.Parallel()
	const canary = "Canary7731"
	cluster := decode(t, with(t, "metadata.name="+canary, "spec.version="+canary, "spec.logLevel="+canary,
		"spec.exposure.host="+canary, "spec.dependencies.mysql={secretRef: {name: "+canary+"}, databasePrefix: "+canary+"}",
		"spec.podTemplate.env=[{name: 'A B', value: "+canary+"}]"))
	found := cluster.Validate()
	if len(found) < 6 {
		t.Fatalf("found only %v", found)
	}
	if err := chatv1alpha1.Join(found); strings.Contains(err.Error(), canary) {
		t.Fatal(err)
	}
	if chatv1alpha1.Join(nil) != nil {
		t.Error("nothing wrong is an error")
	}
}

func TestSamplesAreValid(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../config/samples/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := decode(t, string(text)).Validate(); len(found) != 0 {
			t.Errorf("%s: %v", file, found)
		}
	}
}
