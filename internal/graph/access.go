package graph

import (
	"net/http"

	"plimsoll/internal/auth"
	"plimsoll/internal/odata"
)

// access is who may read something, and who may change it: whoever has any one
// of the permissions.
type access struct{ reads, writes []auth.Permission }

func toScripts() access { return access{auth.Read(), auth.Write()} }
func toDevices() access { return access{auth.ReadDevices(), auth.WriteDevices()} }
func toOperate() access { return access{writes: auth.OperateDevices()} }
func toGroups() access  { return access{auth.ReadGroups(), auth.WriteGroups()} }

type handler func(*call) (*answer, error)

func (a access) read(rows *odata.StructuredType, handle handler, options ...odata.Option) operation {
	return operation{permission: a.reads, serves: []string{odata.JSON}, rows: rows, options: options, handle: handle}
}

// raw reads what is answered as text or bytes, whatever Accept says.
func (a access) raw(rows *odata.StructuredType, handle handler, options ...odata.Option) operation {
	return operation{permission: a.reads, rows: rows, options: options, handle: handle}
}

// write reads a body, and shows what it made as a GET would.
func (a access) write(rows *odata.StructuredType, maxBody int64, handle handler) operation {
	return operation{
		permission: a.writes, serves: []string{odata.JSON}, maxBody: maxBody,
		rows: rows, options: ofEntity(), handle: handle,
	}
}

// act reads a body, and answers with nothing.
func (a access) act(maxBody int64, handle handler) operation {
	return operation{permission: a.writes, maxBody: maxBody, handle: handle}
}

func (a access) remove(handle handler) operation {
	return operation{permission: a.writes, handle: handle}
}

// open serves anyone, without a token.
func open(handle handler, serves ...string) operation {
	return operation{serves: serves, options: []odata.Option{odata.OptionFormat}, handle: handle}
}

// noContent is the answer to what was done and has nothing to show.
func noContent() *answer { return &answer{status: http.StatusNoContent} }
