// How much the server takes, in letters: {name, snippet, text}. It tells when the page opens.

export const limits = {};

export const tellLimits = (told) => Object.assign(limits, told);
