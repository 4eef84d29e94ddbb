package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

type deviceCommands struct {
	List   deviceList   `cmd:"" help:"List the devices."`
	Show   deviceShow   `cmd:"" help:"Show one device with its inventory."`
	Delete deviceDelete `cmd:"" help:"Delete a device, with what scripts found on it. Its agent is refused from then on."`
}

type deviceList struct {
	connection

	Filter string `help:"OData filter, such as \"operatingSystem eq 'Linux'\"; docs/queries.md says what it can." env:"-"`
}

type deviceShow struct {
	connection

	ID string `arg:"" help:"The device's id."`
}

type deviceDelete struct {
	connection

	ID string `arg:"" help:"The device's id."`
}

// listedDevice is what a list shows of a device.
type listedDevice struct {
	ID              string    `json:"id"`
	DeviceName      string    `json:"deviceName"`
	OperatingSystem *string   `json:"operatingSystem"`
	OSVersion       *string   `json:"osVersion"`
	Compliance      string    `json:"complianceState"`
	LastSync        time.Time `json:"lastSyncDateTime"`
}

// Run lists the devices.
func (c *deviceList) Run(ctx context.Context, a *app) error {
	api, err := c.dial(ctx, a)
	if err != nil {
		return err
	}
	target := "/managedDevices?$select=id,deviceName,operatingSystem,osVersion,complianceState,lastSyncDateTime"
	if c.Filter != "" {
		target += "&$filter=" + url.QueryEscape(c.Filter)
	}
	devices, err := allPages[listedDevice](ctx, api, target)
	if err != nil {
		return err
	}
	rows := [][]string{{"ID", "NAME", "SYSTEM", "COMPLIANCE", "LAST CHECK-IN"}}
	for _, d := range devices {
		system := strings.TrimSpace(text(d.OperatingSystem) + " " + text(d.OSVersion))
		rows = append(rows, []string{d.ID, d.DeviceName, system, d.Compliance, stamp(d.LastSync)})
	}
	return a.print(devices, table(rows...))
}

// Run shows one device.
func (c *deviceShow) Run(ctx context.Context, a *app) error {
	api, err := c.dial(ctx, a)
	if err != nil {
		return err
	}
	device := map[string]json.RawMessage{}
	if err := api.call(ctx, http.MethodGet, "/managedDevices/"+url.PathEscape(c.ID), nil, &device); err != nil {
		return err
	}
	var rows [][]string
	for name, value := range device {
		if strings.HasPrefix(name, "@") {
			delete(device, name)
		} else if shown := strings.Trim(string(value), `"`); shown != "null" {
			rows = append(rows, []string{name, shown})
		}
	}
	slices.SortFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return a.print(device, table(rows...))
}

// Run deletes the device.
func (c *deviceDelete) Run(ctx context.Context, a *app) error {
	api, err := c.dial(ctx, a)
	if err != nil {
		return err
	}
	if err := api.call(ctx, http.MethodDelete, "/managedDevices/"+url.PathEscape(c.ID), nil, nil); err != nil {
		return err
	}
	return a.print(map[string]string{"id": c.ID}, "Deleted "+c.ID+".\n")
}
