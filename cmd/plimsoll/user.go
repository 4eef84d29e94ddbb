package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"plimsoll"
	"plimsoll/internal/issuer"
)

type userCommands struct {
	Create userCreate `cmd:"" help:"Create a user and print a link to set the password, once."`
	List   userList   `cmd:"" help:"List the users."`
	Invite userInvite `cmd:"" help:"Print another link to set a user's password. When it is used, the old password and all sessions end; a wait after wrong passwords ends too."`
	Delete userDelete `cmd:"" help:"Delete a user and end the sessions. Access tokens hold until they expire, within 15 minutes."`
}

// linked is what commands need that print a link.
type linked struct {
	Server string `default:"http://127.0.0.1:8080" help:"The server's address, as the user's browser reaches it: the link begins with it."`
}

// Validate refuses what no link can begin with, before anything is changed.
func (l linked) Validate() error {
	if address, err := url.Parse(l.Server); err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Host == "" {
		return plimsoll.Errorf(plimsoll.Invalid, "--server must be a URL such as http://127.0.0.1:8080, not %q", l.Server)
	}
	return nil
}

type userCreate struct {
	linked

	Name          string   `required:"" env:"-" help:"What the user types to sign in, such as an e-mail address."`
	Administrator bool     `env:"-" help:"Give all permissions."`
	Reader        bool     `env:"-" help:"Give those that see all and change nothing."`
	Permission    []string `env:"-" help:"Graph permission, such as DeviceManagementConfiguration.Read.All; docs/tokens.md lists them. May be given several times."`
}

type userList struct{}

type userInvite struct {
	linked

	User string `arg:"" help:"The user's name or id."`
}

type userDelete struct {
	User string `arg:"" help:"The user's name or id."`
}

// invitation is what is printed of a link to set a password.
type invitation struct {
	Name      string    `json:"name"`
	URL       string    `json:"invitationUrl"`
	ExpiresAt time.Time `json:"expiresDateTime"`
}

func newInvitation(server, name, token string, expiresAt time.Time) *invitation {
	link := strings.TrimSuffix(server, "/") + "/sign-in/invitation?" + url.Values{"token": {token}}.Encode()
	return &invitation{Name: name, URL: link, ExpiresAt: expiresAt.UTC()}
}

// Expires is when the link expires, for people.
func (i *invitation) Expires() string { return stamp(i.ExpiresAt) }

// withUsers runs work on the users of the store.
func (a *app) withUsers(ctx context.Context, work func(*issuer.Users) error) (err error) {
	s, err := a.openExisting(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return work(issuer.NewUsers(s, a.now, a.random))
}

// printLink shows a user whose link it is.
func (a *app) printLink(server string, user *plimsoll.User, token string) error {
	link := newInvitation(server, user.Name, token, user.InvitedTill)
	made := struct {
		ID string `json:"userId"`
		*invitation
	}{user.ID, link}
	return a.print(made, table([]string{"user id", user.ID}, []string{"name", user.Name}, []string{"link", link.URL})+
		"The link sets the password, once, until "+link.Expires()+". It is shown only now.\n")
}

// Run creates the user, and the installation where the store is new.
func (c *userCreate) Run(ctx context.Context, a *app) error {
	permissions := slices.Clone(c.Permission)
	if c.Administrator {
		permissions = append(permissions, issuer.AdministratorPermissions()...)
	}
	if c.Reader {
		permissions = append(permissions, issuer.ReaderPermissions()...)
	}
	if len(permissions) == 0 {
		return plimsoll.Errorf(plimsoll.Invalid, "say what the user may do: --administrator, --reader or --permission")
	}
	err := a.withClients(ctx, true, func(clients *issuer.Clients) error {
		_, _, err := clients.Install(ctx, false)
		return err
	})
	if err != nil {
		return err
	}
	return a.withUsers(ctx, func(users *issuer.Users) error {
		user, token, err := users.Create(ctx, actor, c.Name, permissions)
		if err != nil {
			return err
		}
		return a.printLink(c.Server, &user, token)
	})
}

// listedUser is a user as --json shows it.
type listedUser struct {
	ID          string     `json:"userId"`
	Name        string     `json:"name"`
	Permissions []string   `json:"permissions"`
	CreatedAt   time.Time  `json:"createdDateTime"`
	SignedInAt  *time.Time `json:"lastSignInDateTime"`
	HasPassword bool       `json:"hasPassword"`
	InvitedTill *time.Time `json:"invitationExpiresDateTime"`
}

// Run lists the users.
func (c *userList) Run(ctx context.Context, a *app) error {
	return a.withUsers(ctx, func(users *issuer.Users) error {
		all, err := users.List(ctx)
		if err != nil {
			return err
		}
		rows := [][]string{{"USER ID", "NAME", "CREATED", "LAST SIGN-IN", "LINK", "PERMISSIONS"}}
		listed := make([]listedUser, 0, len(all))
		for i := range all {
			one := &all[i]
			listed = append(listed, listedUser{
				one.ID, one.Name, one.Permissions, one.CreatedAt, given(one.SignedInAt), one.Password != "", given(one.InvitedTill),
			})
			signedIn, link := "never", "none"
			if !one.SignedInAt.IsZero() {
				signedIn = stamp(one.SignedInAt)
			}
			switch {
			case one.InvitedTill.After(a.now()):
				link = "until " + stamp(one.InvitedTill)
			case !one.InvitedTill.IsZero():
				link = "expired"
			}
			rows = append(rows, []string{one.ID, one.Name, stamp(one.CreatedAt), signedIn, link, permissionWords(one.Permissions)})
		}
		return a.print(listed, table(rows...))
	})
}

// given gives nil for the zero time.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// permissionWords shows all permissions as one word.
func permissionWords(permissions []string) string {
	if len(permissions) == len(issuer.AdministratorPermissions()) {
		return fmt.Sprintf("all %d", len(permissions))
	}
	return strings.Join(permissions, " ")
}

// Run makes another link for the user.
func (c *userInvite) Run(ctx context.Context, a *app) error {
	return a.withUsers(ctx, func(users *issuer.Users) error {
		user, token, err := users.Invite(ctx, actor, c.User)
		if err != nil {
			return err
		}
		return a.printLink(c.Server, &user, token)
	})
}

// Run deletes the user.
func (c *userDelete) Run(ctx context.Context, a *app) error {
	return a.withUsers(ctx, func(users *issuer.Users) error {
		user, err := users.Delete(ctx, actor, c.User)
		if err != nil {
			return err
		}
		return a.print(map[string]string{"userId": user.ID}, "Deleted "+user.Name+".\n")
	})
}
