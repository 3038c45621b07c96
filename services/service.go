// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/api/component"
	fileserver "github.com/parley-chat/parley/services/file/server"
	friendserver "github.com/parley-chat/parley/services/friend/server"
	gatewayserver "github.com/parley-chat/parley/services/gateway/server"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/telemetry"
	messageserver "github.com/parley-chat/parley/services/message/server"
	speechserver "github.com/parley-chat/parley/services/speech/server"
	transmitserver "github.com/parley-chat/parley/services/transmit/server"
	userserver "github.com/parley-chat/parley/services/user/server"
)

// service is one sub-command that serves.
type service struct {
	name  component.Name
	short string
	// config is the zero Config, for the list of settings.
	config any
	// start loads the configuration and serves.
	start func(ctx context.Context, s streams) error
}

func services() []service {
	return []service{
		{component.Gateway, "Serve clients: calls, WebSockets and the web client", gatewayserver.Config{}, startGateway},
		{component.User, "Serve accounts, logins and profiles", userserver.Config{}, startUser},
		{component.Friend, "Serve friend requests, friends and search", friendserver.Config{}, startFriend},
		{component.File, "Serve uploads and files", fileserver.Config{}, startFile},
		{component.Message, "Serve conversations and messages", messageserver.Config{}, startMessage},
		{component.Transmit, "Forward events to the gateways", transmitserver.Config{}, startTransmit},
		{component.Speech, "Turn voice to text through a provider", speechserver.Config{}, startSpeech},
	}
}

func serviceCommands(s streams) []*cobra.Command {
	var commands []*cobra.Command
	for _, service := range services() {
		commands = append(commands, &cobra.Command{
			Use: string(service.name), Short: service.short, Args: cobra.NoArgs,
			Long:    service.short + ".\n\nSettings come from the environment:\n\n" + settings(service.config) + bindingHelp(service.config),
			Example: exampleOf(service.name, service.config),
			RunE: func(cmd *cobra.Command, _ []string) error {
				return explainSettings(service.name, service.start(cmd.Context(), s))
			},
		})
	}
	return commands
}

// explainSettings points to the list of settings where one of them is wrong.
func explainSettings(name component.Name, err error) error {
	switch {
	case err == nil:
		return nil
	case strings.HasPrefix(err.Error(), string(name)+": "):
		return err // it says already whose it is
	case strings.Contains(err.Error(), "PARLEY_"):
		return fmt.Errorf("%s: %w: parley %s --help lists all settings", name, err, name)
	default:
		return fmt.Errorf("%s: %w", name, err)
	}
}

// parts that every service gets from its command.
func (s streams) parts(name component.Name, logLevel string) process.Parts {
	return process.Parts{Logger: telemetry.NewLogger(s.errs, name, logLevel), Version: version}
}

func startGateway(ctx context.Context, s streams) error {
	cfg, err := gatewayserver.Load(s.environ)
	if err != nil {
		return err
	}
	return gatewayserver.Run(ctx, cfg, gatewayserver.Parts{Parts: s.parts(component.Gateway, cfg.LogLevel)})
}

func startUser(ctx context.Context, s streams) error {
	cfg, err := userserver.Load(s.environ)
	if err != nil {
		return err
	}
	return userserver.Run(ctx, cfg, s.parts(component.User, cfg.LogLevel))
}

func startFriend(ctx context.Context, s streams) error {
	cfg, err := friendserver.Load(s.environ)
	if err != nil {
		return err
	}
	return friendserver.Run(ctx, cfg, s.parts(component.Friend, cfg.LogLevel))
}

func startFile(ctx context.Context, s streams) error {
	cfg, err := fileserver.Load(s.environ)
	if err != nil {
		return err
	}
	return fileserver.Run(ctx, cfg, fileserver.Parts{Parts: s.parts(component.File, cfg.LogLevel)})
}

func startMessage(ctx context.Context, s streams) error {
	cfg, err := messageserver.Load(s.environ)
	if err != nil {
		return err
	}
	return messageserver.Run(ctx, cfg, s.parts(component.Message, cfg.LogLevel))
}

func startTransmit(ctx context.Context, s streams) error {
	cfg, err := transmitserver.Load(s.environ)
	if err != nil {
		return err
	}
	return transmitserver.Run(ctx, cfg, transmitserver.Parts{Parts: s.parts(component.Transmit, cfg.LogLevel)})
}

func startSpeech(ctx context.Context, s streams) error {
	cfg, err := speechserver.Load(s.environ)
	if err != nil {
		return err
	}
	return speechserver.Run(ctx, cfg, s.parts(component.Speech, cfg.LogLevel))
}

// settings lists the environment variables of a Config in columns.
func settings(config any) string {
	rows := settingsOf(reflect.TypeOf(config))
	slices.SortFunc(rows, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	var text strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&text, "  %-44s  %s", row[0], meaning(row[0]))
		if row[1] != "" {
			fmt.Fprintf(&text, " (%s)", row[1])
		}
		text.WriteString("\n")
	}
	return strings.TrimRight(text.String(), "\n")
}

// settingsOf answers pairs of variable and default, those of structs within too.
func settingsOf(config reflect.Type) [][2]string {
	var rows [][2]string
	for field := range config.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		switch {
		case name != "":
			rows = append(rows, [2]string{name, field.Tag.Get("envDefault")})
		case field.Type.Kind() == reflect.Struct:
			rows = append(rows, settingsOf(field.Type)...)
		}
	}
	return rows
}

// exampleOf starts a service with the settings that it cannot do without.
func exampleOf(name component.Name, config any) string {
	var text strings.Builder
	for _, row := range settingsOf(reflect.TypeOf(config)) {
		value, upstream := "", strings.HasPrefix(row[0], "PARLEY_UPSTREAM_") && row[0] != component.EnvUpstreamSpeechURL
		switch {
		case row[0] == component.EnvKeysDir:
			value = "keys"
		case row[0] == component.EnvMySQLDSN:
			value = "mysql://app:secret@db:3306/parley_" + string(name)
		case row[0] == component.EnvAMQPURL:
			value = "amqp://app:secret@mq:5672/" //nolint:gosec // an example
		case upstream:
			callee := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(row[0], "PARLEY_UPSTREAM_"), "_URL"))
			value = fmt.Sprintf("http://%s:%d", callee, component.RPCPort)
		default:
			continue
		}
		fmt.Fprintf(&text, "  %s=%s \\\n", row[0], value)
	}
	return text.String() + "  parley " + string(name)
}

// meaning of a variable, for people.
func meaning(variable string) string {
	switch variable {
	case component.EnvLogLevel:
		return "debug, info, warn or error"
	case component.EnvPodName:
		return "name of this pod, unique among gateways"
	case component.EnvPodUID:
		return "UID of this pod; by default its name"
	case component.EnvKeysDir:
		return "folder of keys, see parley keys"
	case component.EnvPublicListen:
		return "address for clients"
	case component.EnvRPCListen:
		return "address for other components"
	case component.EnvOpsListen:
		return "address for probes and metrics"
	case component.EnvMySQLDSN:
		return "mysql://user:password@host:port/schema, or sqlite:/absolute/file"
	case component.EnvMySQLMaxOpenConns:
		return "most connections to MySQL; 0 is a default"
	case component.EnvRecallWindow:
		return "how long senders may take a message back"
	case component.EnvEditWindow:
		return "how long senders may edit a message"
	case component.EnvAMQPURL:
		return "amqp://user:password@host:port/vhost"
	default:
		return meaningOfGateway(variable)
	}
}

// meaningOfGateway goes on for addresses of components and what only gateways have.
func meaningOfGateway(variable string) string {
	switch variable {
	case component.EnvUpstreamUserURL:
		return "address of the user service, like http://user:8081"
	case component.EnvUpstreamFriendURL:
		return "address of the friend service"
	case component.EnvUpstreamFileURL:
		return "address of the file service"
	case component.EnvUpstreamMessageURL:
		return "address of the message service"
	case component.EnvUpstreamSpeechURL:
		return "address of the speech service; empty: there is none"
	case component.EnvGatewaySeat:
		return "number of this gateway's seat: 0, 1, 2 and so on"
	case component.EnvGatewayMaxSessions:
		return "most sessions of this gateway"
	case component.EnvGatewayAllowedOrigins:
		return "Origins of browsers, separated by commas; empty: the Origin must equal the Host"
	case component.EnvRingMembers:
		return "all gateways: 0=gateway-0@http://10.0.0.1:8081,1=..."
	case "PARLEY_GATEWAY_TRUSTED_PROXIES":
		return "networks whose X-Forwarded-For counts, separated by commas"
	case "PARLEY_GATEWAY_DRAIN_TIMEOUT":
		return "how long sessions have to move when the gateway ends"
	default:
		return meaningOfLimit(variable)
	}
}

// meaningOfLimit goes on for the limits of gateways.
func meaningOfLimit(variable string) string {
	switch variable {
	case "PARLEY_GATEWAY_SESSIONS_PER_USER":
		return "most sessions of one user on this gateway"
	case "PARLEY_GATEWAY_SESSIONS_PER_ADDRESS":
		return "most sessions from one address"
	case "PARLEY_GATEWAY_HALF_OPEN_PER_ADDRESS":
		return "most connections from one address that have not shown a token yet"
	case "PARLEY_GATEWAY_HANDSHAKES_PER_SECOND":
		return "new sessions of this gateway in a second"
	case "PARLEY_GATEWAY_FRAMES_PER_SECOND", "PARLEY_GATEWAY_FRAMES_BURST":
		return "frames of one session, in a second and at once"
	case "PARLEY_GATEWAY_SENDS_PER_SECOND", "PARLEY_GATEWAY_SENDS_BURST":
		return "sends of one user, in a second and at once"
	case "PARLEY_GATEWAY_CONVERSATION_SENDS_PER_SECOND":
		return "sends into one conversation in a second"
	default:
		return meaningOfPod(variable)
	}
}
