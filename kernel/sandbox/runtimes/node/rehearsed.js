// The function of the rehearsal.

exports.handler = async (event) => ({ heard: Object.keys(event) });
