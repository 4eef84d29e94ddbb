// What the generator makes of the $metadata of the server. The server sets the
// properties that are listed: they are not asked for in a create.
module.exports = {
  services: {
    graph: {
      sourceUrl: `${process.env.PLIMSOLL_SERVER}/beta`,
      refreshFile: true,
      source: "metadata.xml",
      output: "generated",
      emitMode: "ts",
      serviceName: "Graph",
      propertiesByName: ["id", "createdDateTime", "lastModifiedDateTime"].map((name) => ({ name, managed: true })),
    },
  },
};
