// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// WithDefaults answers a copy in which every field that has a default has a value. Dependencies and
// components that are absent and optional stay absent; every other component is there.
func (c *ChatCluster) WithDefaults() *ChatCluster {
	out := c.DeepCopy()
	spec := &out.Spec
	setText(&spec.Profile, ProfileProduction)
	setText(&spec.LogLevel, LogInfo)
	if spec.Image != nil {
		setText(&spec.Image.PullPolicy, "IfNotPresent")
	}
	setPointer(&spec.Exposure, Exposure{})
	setText(&spec.Exposure.ServiceType, "ClusterIP")
	spec.Services.setDefaults(spec.Profile)
	spec.Dependencies.setDefaults(spec.Profile)
	setPointer(&spec.ServiceAccounts, ServiceAccounts{})
	setPointer(&spec.ServiceAccounts.Create, true)
	setPointer(&spec.NetworkPolicy, NetworkPolicy{})
	setPointer(&spec.NetworkPolicy.Enabled, true)
	setPointer(&spec.Upgrade, Upgrade{})
	setText(&spec.Upgrade.ProgressDeadline, "10m")
	setPointer(&spec.Upgrade.Migration, Migration{})
	setText(&spec.Upgrade.Migration.Timeout, "30m")
	setPointer(&spec.Upgrade.Migration.BackoffLimit, 3)
	return out
}

func setText[T ~string](field *T, value T) {
	if *field == "" {
		*field = value
	}
}

func setPointer[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}

func setQuantity(field **resource.Quantity, text string) {
	if *field == nil {
		value := resource.MustParse(text)
		*field = &value
	}
}

func (s *Services) setDefaults(profile Profile) {
	replicas := int32(2)
	if profile == ProfileDevelopment {
		replicas = 1
	}
	setPointer(&s.Gateway, GatewayService{})
	s.Gateway.setDefaults()
	for _, service := range []**Service{&s.User, &s.Friend, &s.Message, &s.Transmit} {
		setPointer(service, Service{})
		(*service).setDefaults(replicas)
	}
	setPointer(&s.Speech, SpeechService{})
	s.Speech.setDefaults(replicas)
	setPointer(&s.File, FileService{})
	s.File.setDefaults(replicas)
	setQuantity(&s.File.MaxFileSize, "100Mi")
	setQuantity(&s.File.MaxImageSize, "10Mi")
	setQuantity(&s.File.QuotaPerUserPerDay, "1Gi")
}

func (s *Service) setDefaults(replicas int32) {
	setPointer(&s.Replicas, replicas)
	if s.Autoscaling != nil {
		setPointer(&s.Autoscaling.MinReplicas, 2)
		setPointer(&s.Autoscaling.TargetCPUPercent, 70)
	}
}

func (g *GatewayService) setDefaults() {
	// Two in both profiles: the scale subresource needs a default that the schema can state.
	setPointer(&g.Replicas, 2)
	if g.Autoscaling != nil {
		setPointer(&g.Autoscaling.MinReplicas, 2)
		setPointer(&g.Autoscaling.SessionsPerPod, 10_000)
	}
	setPointer(&g.MaxSessionsPerPod, 20_000)
	setPointer(&g.Drain, Drain{})
	setPointer(&g.Drain.SessionsPerSecond, 300)
	setText(&g.Drain.Timeout, "5m")
	setText(&g.Drain.InitialDelay, "10s")
	setText(&g.Drain.ReconnectJitter, "20s")
	setText(&g.Drain.ReconnectDeadline, "1m")
}

func (d *Dependencies) setDefaults(profile Profile) {
	tls, indexReplicas := TLSVerifyFull, int32(1)
	if profile == ProfileDevelopment {
		tls, indexReplicas = TLSDisabled, 0
	}
	if d.MySQL != nil {
		setText(&d.MySQL.TLS, tls)
		setText(&d.MySQL.DatabasePrefix, "parley")
		setPointer(&d.MySQL.MaxOpenConnsPerPod, 16)
	}
	if d.RabbitMQ != nil {
		setText(&d.RabbitMQ.TLS, tls)
	}
	if d.Elasticsearch != nil {
		setText(&d.Elasticsearch.TLS, tls)
		setText(&d.Elasticsearch.IndexPrefix, "parley")
		setPointer(&d.Elasticsearch.IndexReplicas, indexReplicas)
		setPointer(&d.Elasticsearch.Rebuild, Rebuild{})
		setText(&d.Elasticsearch.Rebuild.Timeout, "24h")
		setPointer(&d.Elasticsearch.Rebuild.BackoffLimit, 6)
	}
	if d.ObjectStore != nil {
		setText(&d.ObjectStore.TLS, tls)
		setText(&d.ObjectStore.Region, "us-east-1")
		setPointer(&d.ObjectStore.PathStyle, true)
	}
	d.setProviderDefaults()
}

func (d *Dependencies) setProviderDefaults() {
	if d.SMS != nil {
		setPointer(&d.SMS.DailyBudget, 10_000)
		if d.SMS.Aliyun != nil {
			setText(&d.SMS.Aliyun.Region, "cn-hangzhou")
		}
	}
	if d.Speech != nil {
		setText(&d.Speech.MaxDuration, "5m")
		if d.Speech.OpenAI != nil {
			setText(&d.Speech.OpenAI.Model, "whisper-1")
		}
	}
}
