package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"plimsoll"
)

type enrollmentTokenCommands struct {
	Create enrollmentTokenCreate `cmd:"" help:"Create a token and print it, once."`
	List   enrollmentTokenList   `cmd:"" help:"List the tokens."`
	Revoke enrollmentTokenRevoke `cmd:"" help:"Let no device enrol by a token any more. Those that did stay."`
}

type enrollmentTokenCreate struct {
	connection

	Name      string        `help:"What people call the token." env:"-"`
	Group     string        `help:"Id of a group with static members that the devices join." placeholder:"ID" env:"-"`
	MaxUses   int64         `help:"How many devices may enrol by it; 0 is no limit." env:"-"`
	ExpiresIn time.Duration `help:"How long it holds, such as 720h; 0s is for good." default:"0s" env:"-"`
}

type enrollmentTokenList struct{ connection }

type enrollmentTokenRevoke struct {
	connection

	ID string `arg:"" help:"The token's id."`
}

// listedToken is an enrolment token as the API shows it.
type listedToken struct {
	ID          string     `json:"id"`
	DisplayName *string    `json:"displayName"`
	Token       *string    `json:"token,omitempty"`
	GroupID     *string    `json:"groupId"`
	MaximumUses int64      `json:"maximumUses"`
	Uses        int64      `json:"uses"`
	Expires     *time.Time `json:"expirationDateTime"`
	Revoked     *time.Time `json:"revokedDateTime"`
}

// Run creates the token.
func (c *enrollmentTokenCreate) Run(ctx context.Context, a *app) error {
	if c.ExpiresIn < 0 {
		return plimsoll.Errorf(plimsoll.Invalid, "--expires-in must not be negative")
	}
	api, err := c.dial(ctx, a)
	if err != nil {
		return err
	}
	body := map[string]any{"displayName": c.Name, "maximumUses": c.MaxUses}
	if c.Group != "" {
		body["groupId"] = c.Group
	}
	if c.ExpiresIn > 0 {
		body["expirationDateTime"] = a.now().UTC().Add(c.ExpiresIn).Format(time.RFC3339)
	}
	var made listedToken
	if err := api.call(ctx, http.MethodPost, "/enrollmentTokens", body, &made); err != nil {
		return err
	}
	return a.print(made, table([]string{"id", made.ID}, []string{"token", text(made.Token)})+"The token is shown only now.\n")
}

// text gives what is shown of a text that may be null.
func text(t *string) string {
	if t == nil {
		return ""
	}
	return *t
}

// Run lists the tokens.
func (c *enrollmentTokenList) Run(ctx context.Context, a *app) error {
	api, err := c.dial(ctx, a)
	if err != nil {
		return err
	}
	tokens, err := allPages[listedToken](ctx, api, "/enrollmentTokens")
	if err != nil {
		return err
	}
	rows := [][]string{{"ID", "NAME", "USES", "STATE"}}
	for i := range tokens {
		t := &tokens[i]
		uses := fmt.Sprint(t.Uses)
		if t.MaximumUses > 0 {
			uses += fmt.Sprintf(" of %d", t.MaximumUses)
		}
		rows = append(rows, []string{t.ID, text(t.DisplayName), uses, t.state(a.now())})
	}
	return a.print(tokens, table(rows...))
}

func (t *listedToken) state(now time.Time) string {
	switch {
	case t.Revoked != nil:
		return "revoked"
	case t.Expires != nil && !now.Before(*t.Expires):
		return "expired"
	case t.MaximumUses > 0 && t.Uses >= t.MaximumUses:
		return "used up"
	case t.Expires != nil:
		return "until " + stamp(*t.Expires)
	default:
		return "open"
	}
}

// Run revokes the token.
func (c *enrollmentTokenRevoke) Run(ctx context.Context, a *app) error {
	api, err := c.dial(ctx, a)
	if err != nil {
		return err
	}
	if err := api.call(ctx, http.MethodDelete, "/enrollmentTokens/"+url.PathEscape(c.ID), nil, nil); err != nil {
		return err
	}
	return a.print(map[string]string{"id": c.ID}, "Revoked "+c.ID+".\n")
}
