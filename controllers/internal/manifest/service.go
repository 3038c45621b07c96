// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/parley-chat/parley/api/component"
)

// Services are the public one, the ring's, one per component that is called, and with seat routes one
// per seat.
func Services(in Input) []*corev1ac.ServiceApplyConfiguration {
	services := []*corev1ac.ServiceApplyConfiguration{publicService(in), ringService(in)}
	for _, name := range Running(in.Cluster) {
		if name != component.Gateway && len(component.Callers(name)) > 0 {
			services = append(services, service(in, DeploymentName(in.Cluster.Name, name), name, rpcPort()))
		}
	}
	if in.Cluster.Spec.Exposure.SeatRoutes {
		for _, seat := range in.Seats {
			services = append(services, seatService(in, seat))
		}
	}
	return services
}

// publicService spans all seats and shows nothing but the public port.
func publicService(in Input) *corev1ac.ServiceApplyConfiguration {
	exposure := in.Cluster.Spec.Exposure
	public := service(in, DeploymentName(in.Cluster.Name, component.Gateway), component.Gateway, publicPort())
	if exposure.ServiceType != "" {
		public.Spec.WithType(corev1.ServiceType(exposure.ServiceType))
	}
	if len(exposure.Annotations) > 0 {
		public.WithAnnotations(exposure.Annotations)
	}
	return public
}

// ringService is headless. Addresses of pods that are not ready stay out, which is the default: a seat
// that takes no sessions must be in nobody's ring.
func ringService(in Input) *corev1ac.ServiceApplyConfiguration {
	ring := service(in, RingServiceName(in.Cluster.Name), component.Gateway, rpcPort())
	ring.Spec.WithClusterIP(corev1.ClusterIPNone)
	return ring
}

func seatService(in Input, seat int32) *corev1ac.ServiceApplyConfiguration {
	selector := SeatSelector(in.Cluster.Name, seat)
	door := service(in, SeatName(in.Cluster.Name, seat), component.Gateway, publicPort()).
		WithLabels(map[string]string{LabelSeat: selector[LabelSeat]})
	door.Spec.WithSelector(selector)
	return door
}

func service(
	in Input, child string, name component.Name, port *corev1ac.ServicePortApplyConfiguration,
) *corev1ac.ServiceApplyConfiguration {
	return corev1ac.Service(child, in.Cluster.Namespace).
		WithLabels(Labels(in.Cluster.Name, name)).
		WithOwnerReferences(owner(in)).
		WithSpec(corev1ac.ServiceSpec().
			WithSelector(Selector(in.Cluster.Name, name)).
			WithPorts(port))
}

func publicPort() *corev1ac.ServicePortApplyConfiguration {
	return servicePort(component.PublicPortName, component.PublicPort)
}

func rpcPort() *corev1ac.ServicePortApplyConfiguration {
	return servicePort(component.RPCPortName, component.RPCPort)
}

// servicePort names its protocol: it is part of the port's identity in an apply.
func servicePort(name string, port int32) *corev1ac.ServicePortApplyConfiguration {
	return corev1ac.ServicePort().
		WithName(name).
		WithProtocol(corev1.ProtocolTCP).
		WithPort(port).
		WithTargetPort(intstr.FromString(name))
}
