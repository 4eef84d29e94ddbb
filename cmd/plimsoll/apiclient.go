package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	"plimsoll"
)

// maxAnswer bounds what is read of one answer, in bytes.
const maxAnswer = 64 << 20

// apiClient calls the server's API, as any other client does.
type apiClient struct {
	http  *http.Client
	token *oauth2.Token
	base  string // of deviceManagement
}

// dial gets a token for the API.
func (c *connection) dial(ctx context.Context, a *app) (*apiClient, error) {
	token, client, err := c.token(ctx, a)
	return &apiClient{client, token, strings.TrimSuffix(c.Server, "/") + "/beta/deviceManagement"}, err
}

// call sends body, unless it is nil, and reads the answer into answer, unless that
// is nil. target is a path below deviceManagement, or a link of the API's own.
func (c *apiClient) call(ctx context.Context, method, target string, body, answer any) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if body == nil {
		sent = nil
	}
	if !strings.HasPrefix(target, "http") {
		target = c.base + target
	}
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	c.token.SetAuthHeader(request)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return &plimsoll.Error{Code: plimsoll.Unavailable, Message: "the server does not answer", Err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return refused(response.StatusCode, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

// refused gives the API's refusal the code that decides the exit code.
func refused(status int, text []byte) error {
	var body struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(text, &body) != nil || body.Error.Message == "" {
		return fmt.Errorf("the server answered %d %s", status, http.StatusText(status))
	}
	code := map[int]plimsoll.Code{
		http.StatusBadRequest: plimsoll.Invalid, http.StatusNotFound: plimsoll.NotFound,
		http.StatusForbidden: plimsoll.Forbidden, http.StatusConflict: plimsoll.Conflict,
	}[status]
	return &plimsoll.Error{Code: code, Message: body.Error.Message}
}

// allPages reads every page of a list.
func allPages[T any](ctx context.Context, c *apiClient, target string) ([]T, error) {
	rows := []T{}
	for target != "" {
		var page struct {
			Value []T    `json:"value"`
			Next  string `json:"@odata.nextLink"`
		}
		if err := c.call(ctx, http.MethodGet, target, nil, &page); err != nil {
			return rows, err
		}
		rows, target = append(rows, page.Value...), page.Next
	}
	return rows, nil
}
