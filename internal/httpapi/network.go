package httpapi

import "net/netip"

// Network gives what one may have of the addresses that a request can come from:
// in IPv6 the first 64 bits (RFC 4291, section 2.5.4), as whoever has one address
// there has them all.
func Network(remoteAddr string) string {
	from, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return remoteAddr
	}
	ip, bits := from.Addr().Unmap(), 64
	if ip.Is4() {
		bits = 32
	}
	prefix, _ := ip.Prefix(bits) // fails for more bits than there are
	return prefix.String()
}
