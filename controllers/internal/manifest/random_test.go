// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// drawCluster draws a valid ChatCluster; what it leaves out has a default.
func drawCluster(t *rapid.T) *chatv1alpha1.ChatCluster {
	c := &chatv1alpha1.ChatCluster{}
	c.Name, c.Namespace = rapid.StringMatching(`[a-z]([-a-z0-9]{0,20}[a-z0-9])?`).Draw(t, "name"), "chat"
	c.Spec.Version = "0.3.1"
	c.Spec.Profile = rapid.SampledFrom([]chatv1alpha1.Profile{"Production", "Development"}).Draw(t, "profile")
	c.Spec.Exposure = &chatv1alpha1.Exposure{
		Host: "chat.example.com", SeatRoutes: rapid.Bool().Draw(t, "seat routes"),
		AllowedOrigins: some(t, "origins", "https://a.example.com", "https://b.example.com:8443"),
		TrustedProxies: some(t, "proxies", "10.0.0.0/8", "fd00::/8"),
	}
	c.Spec.PodTemplate = drawPodTemplate(t, "pod template")
	c.Spec.Services.Gateway = &chatv1alpha1.GatewayService{
		Replicas: new(rapid.Int32Range(2, 5).Draw(t, "seats")),
		Workload: chatv1alpha1.Workload{Resources: drawResources(t), PodTemplate: drawServicePodTemplate(t, "gateway")},
	}
	c.Spec.Services.User = drawService(t, "user")
	c.Spec.Services.Message = drawService(t, "message")
	c.Spec.Services.Transmit = drawService(t, "transmit")
	c.Spec.Dependencies.MySQL = &chatv1alpha1.MySQL{Source: drawSource(t, "mysql")}
	c.Spec.Dependencies.RabbitMQ = &chatv1alpha1.RabbitMQ{
		Source: drawSource(t, "rabbitmq"), VHost: rapid.SampledFrom([]string{"", "chat"}).Draw(t, "vhost"),
	}
	c.Spec.NetworkPolicy = &chatv1alpha1.NetworkPolicy{
		GatewayFrom: drawPeers(t, "gateway from"), MetricsFrom: drawPeers(t, "metrics from"),
		DependencyTo: drawPeers(t, "dependency to"), APIServerCIDRs: some(t, "api servers", "192.0.2.0/24", "0.0.0.0/0"),
	}
	c.Spec.Upgrade = &chatv1alpha1.Upgrade{Migration: &chatv1alpha1.Migration{Resources: drawResources(t)}}
	return c
}

// some draws nil, a part or all of the choices.
func some[T any](t *rapid.T, label string, choices ...T) []T {
	return choices[:rapid.IntRange(0, len(choices)).Draw(t, label)]
}

func drawService(t *rapid.T, label string) *chatv1alpha1.Service {
	if rapid.Bool().Draw(t, label+" absent") {
		return nil
	}
	s := &chatv1alpha1.Service{Workload: chatv1alpha1.Workload{Resources: drawResources(t), PodTemplate: drawServicePodTemplate(t, label)}}
	if rapid.Bool().Draw(t, label+" autoscaled") {
		s.Autoscaling = &chatv1alpha1.Autoscaling{MaxReplicas: rapid.Int32Range(2, 9).Draw(t, label+" most")}
	} else {
		s.Replicas = new(rapid.Int32Range(1, 5).Draw(t, label+" replicas"))
	}
	return s
}

func drawResources(t *rapid.T) *chatv1alpha1.Resources {
	if rapid.Bool().Draw(t, "table") {
		return nil
	}
	draw := func(label string, choices ...string) chatv1alpha1.ResourceList {
		list := chatv1alpha1.ResourceList{}
		for _, name := range some(t, label, "memory", "cpu", "ephemeral-storage") {
			list[name] = resource.MustParse(rapid.SampledFrom(choices).Draw(t, label+name))
		}
		return list
	}
	// Every limit is at least every request, as validation wants it.
	return &chatv1alpha1.Resources{Requests: draw("requests", "1m", "4Mi", "1Gi"), Limits: draw("limits", "1Gi", "2Gi")}
}

func drawPodTemplate(t *rapid.T, label string) *chatv1alpha1.PodTemplate {
	lowest := drawServicePodTemplate(t, label)
	if lowest == nil {
		return nil
	}
	return &chatv1alpha1.PodTemplate{
		ServicePodTemplate: *lowest, Affinity: drawAffinity(t),
		TopologySpreadConstraints: some(t, label+" spread",
			corev1.TopologySpreadConstraint{MaxSkew: 1, TopologyKey: "rack", WhenUnsatisfiable: corev1.DoNotSchedule},
			corev1.TopologySpreadConstraint{
				MaxSkew: 2, TopologyKey: "room", WhenUnsatisfiable: corev1.ScheduleAnyway,
				LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "a"}},
			}),
	}
}

func drawAffinity(t *rapid.T) *corev1.Affinity {
	near := corev1.PodAffinityTerm{TopologyKey: "rack", LabelSelector: &metav1.LabelSelector{}}
	nodes := corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "pool", Operator: "In", Values: []string{"chat"}}}}
	return rapid.SampledFrom([]*corev1.Affinity{
		nil,
		{},
		{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{near}}},
		{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{nodes}},
		}},
		{PodAffinity: &corev1.PodAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{
			Weight: 10, PodAffinityTerm: near,
		}}}},
	}).Draw(t, "affinity")
}

func drawServicePodTemplate(t *rapid.T, label string) *chatv1alpha1.ServicePodTemplate {
	if rapid.Bool().Draw(t, label+" absent") {
		return nil
	}
	words := rapid.MapOfN(rapid.SampledFrom([]string{"team", "example.com/tier"}), rapid.SampledFrom([]string{"a", "b"}), 0, 2)
	return &chatv1alpha1.ServicePodTemplate{
		Labels: words.Draw(t, label+" labels"), Annotations: words.Draw(t, label+" annotations"),
		NodeSelector:      words.Draw(t, label+" nodes"),
		PriorityClassName: rapid.SampledFrom([]string{"", "business"}).Draw(t, label+" priority"),
		Tolerations:       some(t, label+" tolerations", chatv1alpha1.Toleration{Operator: "Exists"}, chatv1alpha1.Toleration{Key: "k"}),
		Env:               some(t, label+" env", chatv1alpha1.EnvVar{Name: "TZ", Value: "UTC"}, chatv1alpha1.EnvVar{Name: "EMPTY"}),
	}
}

func drawSource(t *rapid.T, label string) chatv1alpha1.Source {
	if rapid.Bool().Draw(t, label+" by binding") {
		return chatv1alpha1.Source{BindingRef: &chatv1alpha1.BindingReference{
			APIVersion: "rabbitmq.com/v1beta1", Kind: "RabbitmqCluster", Name: "mq",
		}}
	}
	return chatv1alpha1.Source{SecretRef: &chatv1alpha1.SecretReference{
		Name: "store", Keys: map[string]string{"password": "PASSWORD"},
	}}
}

func drawPeers(t *rapid.T, label string) []chatv1alpha1.Peer {
	return some(t, label, chatv1alpha1.Peer{CIDR: "0.0.0.0/0"}, chatv1alpha1.Peer{PodLabels: map[string]string{"app": "a"}},
		chatv1alpha1.Peer{NamespaceLabels: map[string]string{"team": "b"}})
}
