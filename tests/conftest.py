"""Its being here lets tests of any folder import what several share: `handmade`, `anyruns`."""
