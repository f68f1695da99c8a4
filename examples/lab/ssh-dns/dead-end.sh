#!/bin/sh
echo "This is the dead end of the laboratory: you are in, and there is no way on from here."
