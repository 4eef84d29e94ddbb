package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"plimsoll"
	"plimsoll/internal/issuer"
)

// actor is who the audit trail names for changes made here.
const actor = "command line"

type clientCommands struct {
	Create clientCreate `cmd:"" help:"Create a client and print its secret, once."`
	List   clientList   `cmd:"" help:"List the clients."`
	Rotate clientRotate `cmd:"" help:"Give a client a new secret and print it, once."`
	Delete clientDelete `cmd:"" help:"Delete a client. Tokens that it has hold until they expire, within the hour."`
}

type clientCreate struct {
	Name       string   `help:"What people call the client." required:"" env:"-"`
	Permission []string `help:"Graph permission that its tokens carry, such as DeviceManagementConfiguration.ReadWrite.All; docs/tokens.md lists them. May be given several times." required:"" env:"-"`
}

type clientList struct{}

type clientRotate struct {
	ID      string        `arg:"" help:"The client's id."`
	Overlap time.Duration `default:"0s" env:"-" help:"How long the old secret holds beside the new one, such as 24h; at most 2160h, 90 days."`
}

type clientDelete struct {
	ID string `arg:"" help:"The client's id."`
}

// credentials is what the commands print of a client's secret.
type credentials struct {
	TenantID     string `json:"tenantId"`
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
}

func (c credentials) table() string {
	return table(
		[]string{"tenant id", c.TenantID}, []string{"client id", c.ClientID}, []string{"client secret", c.ClientSecret})
}

// withClients runs work on the clients of the store.
func (a *app) withClients(ctx context.Context, create bool, work func(*issuer.Clients) error) (err error) {
	open, isNew := a.openExisting, create && a.isNew()
	if create {
		open = a.openStore
	}
	s, err := open(ctx)
	if err != nil {
		return err
	}
	if isNew && !a.JSON {
		fmt.Fprintf(a.stderr, "There was no store yet: %s is new.\n", a.storeName())
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return work(issuer.NewClients(s, a.now, a.random))
}

// Run creates the client, and the installation where the store is new.
func (c *clientCreate) Run(ctx context.Context, a *app) error {
	return a.withClients(ctx, true, func(clients *issuer.Clients) error {
		tenantID, _, err := clients.Install(ctx, false)
		if err != nil {
			return err
		}
		client, secret, err := clients.Create(ctx, actor, c.Name, c.Permission)
		if err != nil {
			return err
		}
		made := credentials{tenantID, client.ID, secret}
		return a.print(made, made.table()+"The secret is shown only now.\n")
	})
}

// listedClient is a client as --json shows it.
type listedClient struct {
	ID          string         `json:"clientId"`
	Name        string         `json:"name"`
	Permissions []string       `json:"permissions"`
	CreatedAt   time.Time      `json:"createdDateTime"`
	Secrets     []listedSecret `json:"secrets"`
}

type listedSecret struct {
	CreatedAt time.Time  `json:"createdDateTime"`
	ExpiresAt *time.Time `json:"expiresDateTime"`
}

// Run lists the clients.
func (c *clientList) Run(ctx context.Context, a *app) error {
	return a.withClients(ctx, false, func(clients *issuer.Clients) error {
		all, err := clients.List(ctx)
		if err != nil {
			return err
		}
		rows := [][]string{{"CLIENT ID", "NAME", "CREATED", "SECRETS", "PERMISSIONS"}}
		listed := make([]listedClient, 0, len(all))
		for _, client := range all {
			one := listClient(client, a.now())
			listed = append(listed, one)
			rows = append(rows, []string{
				one.ID, one.Name, stamp(one.CreatedAt), fmt.Sprint(len(one.Secrets)), strings.Join(one.Permissions, " "),
			})
		}
		return a.print(listed, table(rows...))
	})
}

// listClient shows a client with the secrets that still hold.
func listClient(client plimsoll.Client, now time.Time) listedClient {
	one := listedClient{
		ID: client.ID, Name: client.Name, Permissions: slices.Clone(client.Permissions), CreatedAt: client.CreatedAt,
		Secrets: []listedSecret{},
	}
	for _, secret := range client.Secrets {
		switch {
		case secret.ExpiresAt.IsZero():
			one.Secrets = append(one.Secrets, listedSecret{CreatedAt: secret.CreatedAt})
		case secret.ExpiresAt.After(now):
			one.Secrets = append(one.Secrets, listedSecret{secret.CreatedAt, &secret.ExpiresAt})
		}
	}
	return one
}

// Run gives the client a new secret.
func (c *clientRotate) Run(ctx context.Context, a *app) error {
	return a.withClients(ctx, false, func(clients *issuer.Clients) error {
		tenantID, _, err := clients.Install(ctx, false)
		if err != nil {
			return err
		}
		secret, err := clients.Rotate(ctx, actor, c.ID, c.Overlap)
		if err != nil {
			return err
		}
		made := credentials{tenantID, c.ID, secret}
		return a.print(made, made.table()+"The secret is shown only now. The old one holds until "+
			stamp(a.now().Add(c.Overlap))+".\n")
	})
}

// Run deletes the client.
func (c *clientDelete) Run(ctx context.Context, a *app) error {
	return a.withClients(ctx, false, func(clients *issuer.Clients) error {
		if err := clients.Delete(ctx, actor, c.ID); err != nil {
			return err
		}
		return a.print(map[string]string{"clientId": c.ID}, "Deleted "+c.ID+".\n")
	})
}
